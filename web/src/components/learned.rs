//! What was learned: the words near to context vectors, how alike the classes' prompts
//! are, and where images and prompts lie.

mod chooser;
mod heat;
mod layers;
mod map;
mod probe;
mod similarity;
mod vectors;
mod words;

use clipwright_shared::explain::Explanation;
use clipwright_shared::session::ZERO_SHOT;
use yew::prelude::*;

use super::act;
use super::obstacle::obstacle;
use super::problem_box::{problem_box, problem_with};
use super::text::looks;
use super::work_strip::work_strip;
use crate::format::duration;
use crate::hooks::use_map_samples;
use crate::state::{Action, Asker, LearnedTabAction, Problem, ShownLearned, State};
use chooser::chooser;
use layers::layers;
use map::learned_map;
use probe::probe;
use similarity::similarities;
use vectors::vectors;
use words::words;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn LearnedRoom(props: &Props) -> Html {
    let state = &props.state;
    use_map_samples(state);
    let act = |action: LearnedTabAction| act(state, Action::LearnedTab(action));
    let running = state.running(Asker::Learned);
    let shown = state.shown_learned();
    let is_waiting = state.learned_tab.wish(state).is_some();
    let content = shown.map(|shown| {
        let is_old = !shown.is_current;
        html! {
            <div class={looks("learned-answer", is_old.then_some("is-old"))}>
                { insight(state, shown) }
                { similarities(state, shown) }
                { learned_map(state, shown) }
            </div>
        }
    });
    let content = content.unwrap_or_else(|| match is_waiting {
        true => html! { <section class="card learned-waiting" aria-hidden="true" /> },
        false => Html::default(),
    });
    let answers = shown.map(|_| state.learned_tab.inquiry.answers.to_string());
    let learner = shown.map(|shown| {
        shown
            .request
            .learned
            .as_deref()
            .unwrap_or(ZERO_SHOT)
            .to_string()
    });
    html! {
        <section
            class="learned-room" aria-labelledby="learned-title" data-testid="learned-room"
            aria-busy={is_waiting.to_string()} data-answer={answers} data-learner={learner}
        >
            <section class="card learned-ask">
                <h2 class="card-title" id="learned-title">{ "What it learned" }</h2>
                { chooser(state) }
                { work_strip(running, "images and learners", idle(state), act(LearnedTabAction::Stop)) }
            </section>
            { problem(state, act(LearnedTabAction::Again)) }
            { content }
        </section>
    }
}

/// What is said while nothing is under way.
fn idle(state: &State) -> String {
    let tab = &state.learned_tab;
    let question = tab.question(state);
    if tab.inquiry.is_stopped(question.as_ref()) {
        return "stopped; what is below was asked before".into();
    }
    if tab.wish(state).is_some() {
        return "waiting for its turn…".into();
    }
    match tab.inquiry.answered() {
        Some(answered) => format!("looked up in {}", duration(answered.milliseconds)),
        None => String::new(),
    }
}

fn problem(state: &State, again: Callback<MouseEvent>) -> Option<Html> {
    let inquiry = &state.learned_tab.inquiry;
    let question = state.learned_tab.question(state);
    let question = question.as_ref();
    let obstacle = obstacle(
        state,
        state.learned_tab_obstacle(),
        inquiry.problem(question),
        again.clone(),
    );
    obstacle.or_else(|| {
        let problem = Problem::new("this was stopped", "look again when you like");
        let is_stopped = inquiry.is_stopped(question);
        is_stopped.then(|| problem_with(&problem, "Look again", again))
    })
}

/// What there is to say of the learner alone.
fn insight(state: &State, shown: ShownLearned<'_>) -> Html {
    let answer = shown.answer;
    let name = shown.request.learned.as_deref();
    let info = name.and_then(|name| state.learned_info(name));
    if let Some(message) = &answer.problem {
        let hint = "drop the file that it was made from to see inside";
        return problem_box(&Problem::new(message.clone(), hint));
    }
    match (&answer.explanation, info) {
        (Some(Explanation::Context { .. }), Some(info)) => vectors(state, shown, info),
        (Some(Explanation::Adapter { layers: changes }), Some(info)) => layers(changes, info),
        (Some(Explanation::Probe { classes }), Some(_)) => probe(classes),
        _ => words(state),
    }
}
