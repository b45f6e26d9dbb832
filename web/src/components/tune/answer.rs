//! What tuning did, step by step: a slider goes over the steps.

use yew::prelude::*;

use super::bars::BeforeAndNow;
use super::loss_line::LossLine;
use super::moved::Moved;
use super::views::TunedViews;
use crate::components::slider::Slider;
use crate::format::percent;
use crate::state::{Action, ShownTuning, State, TuneAction};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    /// What is shown is not about what is there now.
    pub is_dimmed: bool,
}

#[component]
pub fn TuneResult(props: &Props) -> Html {
    let state = &props.state;
    let Some(shown) = state.shown_tuning() else {
        return Html::default();
    };
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
    let losses: Vec<f32> = shown.answer.points.iter().map(|point| point.loss).collect();
    let most_moved = shown
        .answer
        .points
        .iter()
        .flat_map(|point| point.moved.iter());
    let most_moved = most_moved.copied().fold(0f32, f32::max);
    html! {
        <div
            class={classes!("tune-result", props.is_dimmed.then_some("is-dimmed"))} data-testid="tune-result"
            data-step={step.to_string()} data-steps={last.to_string()} data-going={shown.is_going.to_string()}
            data-answers={state.tune.inquiry.answers.to_string()}
        >
            <div class="tune-scrub">
                <Slider
                    id="tune-step" label="After step" shown={said(step, last)} value={step as f64} min={0.0}
                    max={last as f64} step={1.0} disabled={last == 0} {on_value}
                    help="0 is the start. The arrow keys go from step to step."
                />
                <p class="tune-verdict">{ verdict(shown, step) }</p>
            </div>
            <div class="tune-columns">
                <BeforeAndNow
                    class_names={shown.request.prompts.class_names.clone()}
                    before={first.probabilities.clone()} now={now.probabilities.clone()}
                    order_by={shown.answer.points[last].probabilities.clone()}
                    is_learned={shown.request.learned.is_some()} {step}
                />
                <div class="tune-causes">
                    <LossLine {losses} {step} />
                    <Moved
                        context={shown.answer.context.clone()} moved={now.moved.clone()} most={most_moved}
                        {step} class_name={shown.top(step).map_or_else(String::new, |top| top.0.to_string())}
                    />
                </div>
            </div>
            <TunedViews
                side={shown.answer.side} views={shown.answer.views.clone()} pixels={shown.pixels}
                first={first.views.clone()} now={now.views.clone()}
                class_names={shown.request.prompts.class_names.clone()}
            />
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
