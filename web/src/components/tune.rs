//! Test-time tuning: how, the button that starts it, and step by step what it does.

mod answer;
mod bars;
mod controls;
mod loss_line;
mod losses;
mod moved;
mod primer;
mod views;

use yew::prelude::*;

use super::act;
use super::button::button;
use super::obstacle::obstacle;
use super::text::help;
use super::work_strip::work_strip;
use crate::format::{count, duration, percent};
use crate::state::{Action, Asker, ShownTuning, State, TuneAction};
use answer::tune_result;
use controls::tune_controls;
use primer::primer;

pub fn tune_room(state: &UseReducerHandle<State>) -> Html {
    let act = |action: TuneAction| act(state, Action::Tune(action));
    let is_busy = state.is_tuning();
    let can_start = !is_busy && !state.is_tuned() && state.tuning_task().is_some();
    let shown = state.shown_tuning();
    let result = match shown {
        Some(shown) => tune_result(state, shown, !shown.is_going && !state.is_tuned()),
        None => primer(),
    };
    let running = state.running(Asker::Tune);
    let question = state.tune.question(state);
    let obstacle = obstacle(
        state,
        state.tuning_obstacle(),
        state.tune.inquiry.problem(question.as_ref()),
        act(TuneAction::Again),
    );
    html! {
        <section key="tune" class="card tune" aria-labelledby="tune-title" data-testid="tune">
            <h2 class="card-title" id="tune-title">{ "Test-time tuning" }</h2>
            { help("The context is tuned on this one image, without its label: many views of it \
                   are looked at, and a step makes their predictions agree.") }
            { tune_controls(state) }
            <div class="tune-go">
                { button("button is-main", "tune-start", "Tune on this image", !can_start, act(TuneAction::Started)) }
                { work_strip(running, "views and steps", idle(state), act(TuneAction::Stop)) }
            </div>
            <p class="visually-hidden" role="status">{ shown.filter(|shown| !shown.is_going).map(spoken) }</p>
            <div class="stage" aria-busy={is_busy.to_string()}>
                { result }
                { obstacle }
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
