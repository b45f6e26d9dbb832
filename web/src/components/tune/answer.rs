//! What tuning did, step by step: a slider goes over the steps.

use yew::prelude::*;

use super::bars::before_and_now;
use super::loss_line::loss_line;
use super::moved::moved;
use super::views::tuned_views;
use crate::components::slider::{Slider, slider};
use crate::components::text::looks;
use crate::format::percent;
use crate::state::{Action, ShownTuning, State, TuneAction};

/// Dimmed while it is not about what is there now.
pub fn tune_result(
    state: &UseReducerHandle<State>,
    shown: ShownTuning<'_>,
    is_dimmed: bool,
) -> Html {
    let step = state.step_looked_at();
    let (Some(first), Some(now)) = (shown.answer.points.first(), shown.answer.points.get(step))
    else {
        return Html::default();
    };
    let last = shown.answer.points.len() - 1;
    let on_value = {
        let dispatch = state.dispatcher();
        Callback::from(move |step: f64| {
            dispatch.dispatch(Action::Tune(TuneAction::StepLookedAt(step as usize)));
        })
    };
    let after = Slider {
        id: "tune-step",
        label: "After step",
        shown: said(step, last),
        value: step as f64,
        range: [0.0, last as f64, 1.0],
        help: "0 is the start. The arrow keys go from step to step.",
        is_disabled: last == 0,
    };
    html! {
        <div
            class={looks("tune-result", is_dimmed.then_some("is-dimmed"))} data-testid="tune-result"
            data-step={step.to_string()} data-steps={last.to_string()} data-going={shown.is_going.to_string()}
            data-answers={state.tune.inquiry.answers.to_string()}
        >
            <div class="tune-scrub">
                { slider(after, &on_value) }
                <p class="tune-verdict">{ verdict(shown, step) }</p>
            </div>
            <div class="tune-columns">
                { before_and_now(shown, [first, now, &shown.answer.points[last]], step) }
                <div class="tune-causes">
                    { loss_line(shown, step) }
                    { moved(shown, now, step) }
                </div>
            </div>
            { tuned_views(shown, first, now) }
        </div>
    }
}

fn said(step: usize, last: usize) -> String {
    match step {
        0 => "the start".into(),
        _ => format!("{step} of {last}"),
    }
}

/// What became of the answer.
fn verdict(shown: ShownTuning<'_>, step: usize) -> Html {
    let (Some(before), Some(now)) = (shown.top(0), shown.top(step)) else {
        return Html::default();
    };
    let was = match before.0 == now.0 {
        true => format!("{} before", percent(before.1)),
        false => format!("before: {}, {}", before.0, percent(before.1)),
    };
    match step {
        0 => html! { <><strong>{ now.0 }</strong>{ format!(" {}", percent(now.1)) }</> },
        _ => html! { <><strong>{ now.0 }</strong>{ format!(" {} ({was})", percent(now.1)) }</> },
    }
}
