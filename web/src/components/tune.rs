//! Test-time tuning: how, the button that starts it, and step by step what it does.

mod answer;
mod bars;
pub(super) mod choice;
mod controls;
mod loss_line;
mod losses;
mod moved;
mod primer;
mod views;

use yew::prelude::*;

use super::problem_box::ProblemBox;
use super::views::obstacle;
use super::work_strip::WorkStrip;
use crate::format::{count, duration, percent};
use crate::state::{Action, Asker, ShownTuning, State, TuneAction};
use answer::TuneResult;
use controls::TuneControls;
use primer::Primer;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn TuneRoom(props: &Props) -> Html {
    let state = &props.state;
    let act = |action: TuneAction| {
        let dispatch = state.dispatcher();
        Callback::from(move |()| dispatch.dispatch(Action::Tune(action.clone())))
    };
    let is_busy = state.is_tuning();
    let start = act(TuneAction::Started).reform(|_: MouseEvent| ());
    let can_start = !is_busy && !state.is_tuned() && state.tuning_task().is_some();
    let shown = state.shown_tuning();
    let result = match shown {
        Some(shown) => html! {
            <TuneResult state={state.clone()} is_dimmed={!shown.is_going && !state.is_tuned()} />
        },
        None => html! { <Primer /> },
    };
    let running = state.running(Asker::Tune).cloned();
    html! {
        <section class="card tune" aria-labelledby="tune-title" data-testid="tune">
            <h2 class="card-title" id="tune-title">{ "Test-time tuning" }</h2>
            <p class="help">
                { "The context is tuned on this one image, without its label: many views of it \
                   are looked at, and a step makes their predictions agree." }
            </p>
            <TuneControls state={state.clone()} />
            <div class="tune-go">
                <button
                    class="button is-main" type="button" data-testid="tune-start" onclick={start}
                    disabled={!can_start}
                >
                    { "Tune on this image" }
                </button>
                <WorkStrip {running} unit="views and steps" idle={idle(state)} on_stop={act(TuneAction::Stop)} />
            </div>
            <p class="visually-hidden" role="status">{ shown.filter(|shown| !shown.is_going).map(spoken) }</p>
            <div class="stage" aria-busy={is_busy.to_string()}>
                { result }
                { problem(state, act(TuneAction::Again)) }
            </div>
        </section>
    }
}

/// What is said while nothing is under way.
fn idle(state: &State) -> String {
    let inquiry = &state.tune.inquiry;
    let settings = &state.tune.settings;
    if state.is_tuning() {
        return "waiting for its turn…".into();
    }
    match inquiry.answered() {
        _ if inquiry.is_stopped(state.tune.question(state).as_ref()) => "stopped".into(),
        Some(answered) if state.is_tuned() => {
            format!("tuned in {}", duration(answered.milliseconds))
        }
        Some(_) => "below is the tuning before; something has changed since".into(),
        None => format!(
            "{} to look at, {} to take",
            count(settings.views_in_all(), "view", "views"),
            count(settings.steps, "step", "steps")
        ),
    }
}

/// What stands between the image and its tuning.
fn problem(state: &State, again: Callback<()>) -> Option<Html> {
    let question = state.tune.question(state);
    let common = obstacle(state, &state.tune.inquiry, question.as_ref(), again);
    common.or_else(|| {
        let own = state.tuning_obstacle().filter(|_| state.samples.is_some());
        own.map(|problem| html! { <ProblemBox {problem} /> })
    })
}

/// What came of it in a sentence, for those who hear it.
fn spoken(shown: ShownTuning<'_>) -> Option<String> {
    let steps = shown.answer.points.len().checked_sub(1)?;
    let (before, after) = (shown.top(0)?, shown.top(steps)?);
    Some(format!(
        "Tuned with {}. Before: {}, {}. After: {}, {}.",
        count(steps, "step", "steps"),
        before.0,
        percent(before.1),
        after.0,
        percent(after.1)
    ))
}
