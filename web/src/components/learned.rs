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

use super::problem_box::ProblemBox;
use super::work_strip::WorkStrip;
use crate::format::duration;
use crate::hooks::use_map_samples;
use crate::state::{Action, Asker, LearnedTabAction, Problem, ShownLearned, State, WorkerPhase};
use chooser::Chooser;
use layers::Layers;
use map::LearnedMap;
use probe::Probe;
use similarity::Similarities;
use vectors::Vectors;
use words::Words;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn LearnedRoom(props: &Props) -> Html {
    let state = &props.state;
    use_map_samples(state);
    let act = |action: LearnedTabAction| {
        let dispatch = state.dispatcher();
        Callback::from(move |()| dispatch.dispatch(Action::LearnedTab(action.clone())))
    };
    let running = state.running(Asker::Learned).cloned();
    let shown = state.shown_learned();
    let is_waiting = state.learned_tab.wish(state).is_some();
    let content = shown.map(|shown| {
        let is_old = !shown.is_current;
        html! {
            <div class={classes!("learned-answer", is_old.then_some("is-old"))}>
                { insight(state, shown) }
                <Similarities state={state.clone()} />
                <LearnedMap state={state.clone()} />
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
                <Chooser state={state.clone()} />
                <WorkStrip
                    {running} unit="images and learners" idle={idle(state)}
                    on_stop={act(LearnedTabAction::Stop)}
                />
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

fn problem(state: &State, again: Callback<()>) -> Option<Html> {
    if let WorkerPhase::Stopped(problem) = &state.worker.phase {
        return Some(html! { <ProblemBox problem={problem.clone()} /> });
    }
    let obstacle = state.learned_tab_obstacle();
    if let Some(problem) = obstacle.filter(|_| state.samples.is_some()) {
        return Some(html! { <ProblemBox {problem} /> });
    }
    let inquiry = &state.learned_tab.inquiry;
    let question = state.learned_tab.question(state);
    if inquiry.is_stopped(question.as_ref()) {
        let problem = Problem::new("this was stopped", "look again when you like");
        return Some(html! { <ProblemBox {problem} action="Look again" on_action={again} /> });
    }
    let problem = inquiry.problem(question.as_ref())?.clone();
    Some(html! { <ProblemBox {problem} action="Try again" on_action={again} /> })
}

/// What there is to say of the learner alone.
fn insight(state: &UseReducerHandle<State>, shown: ShownLearned<'_>) -> Html {
    let answer = shown.answer;
    let name = shown.request.learned.as_deref();
    let info = name.and_then(|name| state.learned_info(name));
    if let Some(message) = &answer.problem {
        let hint = "drop the file that it was made from to see inside";
        return html! { <ProblemBox problem={Problem::new(message.clone(), hint)} /> };
    }
    match (&answer.explanation, info) {
        (Some(Explanation::Context { .. }), Some(info)) => {
            html! { <Vectors state={state.clone()} info={info.clone()} /> }
        }
        (Some(Explanation::Adapter { layers }), Some(info)) => {
            html! { <Layers layers={layers.clone()} info={info.clone()} /> }
        }
        (Some(Explanation::Probe { classes }), Some(_)) => {
            html! { <Probe classes={classes.clone()} /> }
        }
        _ => html! { <Words state={state.clone()} /> },
    }
}
