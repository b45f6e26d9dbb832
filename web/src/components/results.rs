//! The answer: one card a learner, side by side. While there is none, its place
//! is kept, and says why.

use clipwright_shared::protocol::Ranking;
use web_sys::File;
use yew::prelude::*;

use super::batch::BatchPanel;
use super::device_line::DeviceLine;
use super::invitation::Invitation;
use super::learner_card::LearnerCard;
use super::method_title;
use super::problem_box::ProblemBox;
use super::skeleton::Skeleton;
use crate::format::{count, duration, percent};
use crate::prompt::{learned_pieces, template_pieces};
use crate::state::{Action, Answered, State, WorkerPhase};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub on_files: Callback<Vec<File>>,
}

#[component]
pub fn Results(props: &Props) -> Html {
    let state = &props.state;
    let obstacle = obstacle(state);
    let rankings = state.rankings();
    let cards = match &rankings {
        Some(rankings) => {
            let rankings = rankings.iter();
            rankings
                .map(|ranking| card(state, ranking))
                .collect::<Html>()
        }
        None => html! { <Skeleton rows={state.class_names.len()} /> },
    };
    let invitation = state.learned.is_empty().then(|| {
        html! {
            <Invitation on_files={props.on_files.clone()} />
        }
    });
    let hidden = obstacle.is_some();
    let answered = state.classify.answered();
    let id = answered.map(|_| state.classify.answers.to_string());
    html! {
        <section
            class="results" aria-labelledby="classify-title" data-testid="results"
            data-result-id={id} aria-busy={state.is_thinking().to_string()}
        >
            <div class="results-head">
                <h2 class="visually-hidden" id="classify-title">{ "Classify" }</h2>
                <DeviceLine state={state.clone()} />
                <p class="elapsed" data-testid="elapsed">{ answered.map(elapsed) }</p>
            </div>
            <p class="visually-hidden" role="status">{ rankings.as_deref().map(spoken) }</p>
            <div class="stage">
                <div
                    class={classes!("learners", hidden.then_some("is-hidden"))}
                    aria-hidden={hidden.then_some("true")}
                >
                    { cards }
                    { invitation }
                </div>
                { obstacle }
            </div>
            <BatchPanel state={state.clone()} on_files={props.on_files.clone()} />
        </section>
    }
}

/// What stands between the question and its answer.
fn obstacle(state: &UseReducerHandle<State>) -> Option<Html> {
    if let WorkerPhase::Stopped(problem) = &state.worker.phase {
        return Some(html! { <ProblemBox problem={problem.clone()} /> });
    }
    // Before the samples have come, an empty page is no problem yet.
    let obstacle = state.obstacle().filter(|_| state.samples.is_some());
    if let Some(problem) = obstacle {
        return Some(html! { <ProblemBox {problem} /> });
    }
    let problem = state.classify_problem().cloned()?;
    let dispatch = state.dispatcher();
    let again = Callback::from(move |()| dispatch.dispatch(Action::AskAgain));
    Some(html! { <ProblemBox {problem} action="Try again" on_action={again} /> })
}

fn card(state: &State, ranking: &Ranking) -> Html {
    let (pieces, detail) = match state.learned_info(&ranking.name) {
        None => (
            template_pieces(state.templates.first().map_or("", String::as_str)),
            match state.templates.len() {
                0 | 1 => "words alone".to_string(),
                templates => format!("mean of {templates} templates"),
            },
        ),
        Some(info) => {
            let shots = info
                .shots
                .map(|shots| format!(", {}", count(shots, "shot", "shots")));
            (
                learned_pieces(info),
                format!("{}{}", info.name, shots.unwrap_or_default()),
            )
        }
    };
    html! { <LearnerCard key={ranking.name.clone()} ranking={ranking.clone()} {pieces} {detail} /> }
}

fn elapsed(answer: &Answered) -> String {
    format!("answered in {}", duration(answer.milliseconds))
}

/// The answer in a sentence, for those who hear it.
fn spoken(rankings: &[&Ranking]) -> String {
    let rankings = rankings.iter().map(|ranking| {
        let method = method_title(ranking.method);
        match ranking.classes.first() {
            Some(top) => format!("{method}: {}, {}.", top.class, percent(top.probability)),
            None => format!("{method} has no answer."),
        }
    });
    rankings.collect::<Vec<_>>().join(" ")
}
