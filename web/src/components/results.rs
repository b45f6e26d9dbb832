//! The answer: one card a learner, side by side. While there is none, its place
//! is kept, and says why.

use clipwright_shared::protocol::Ranking;
use web_sys::File;
use yew::prelude::*;

use super::act;
use super::batch::batch_panel;
use super::device_line::device_line;
use super::invitation::invitation;
use super::learner_card::learner_card;
use super::method_title;
use super::obstacle::obstacle;
use super::problem_box::problem_with;
use super::skeleton::skeleton;
use super::text::looks;
use super::work_strip::work_strip;
use crate::format::{count, duration, percent};
use crate::prompt::{learned_pieces, template_pieces};
use crate::state::{Action, Answered, Asker, Problem, State, Tab};

pub fn results(state: &UseReducerHandle<State>, on_files: &Callback<Vec<File>>) -> Html {
    let again = act(state, Action::AskAgain);
    let obstacle = obstacle(
        state,
        state.obstacle(),
        state.classify_problem(),
        again.clone(),
    );
    let obstacle = obstacle.or_else(|| {
        let problem = Problem::new("this was stopped", "ask again when you like");
        let is_stopped = state.classify_is_stopped();
        is_stopped.then(|| problem_with(&problem, "Ask again", again))
    });
    // A short list of classes is answered before this could be read.
    let running = state.running(Asker::Classify);
    let running = running.filter(|running| running.progress.is_some());
    let rankings = state.rankings();
    let cards = match &rankings {
        Some(rankings) => {
            let rankings = rankings.iter();
            rankings
                .map(|ranking| card(state, ranking))
                .collect::<Html>()
        }
        None => skeleton(state.class_names.len()),
    };
    let invitation = state
        .learned
        .is_empty()
        .then(|| invitation(on_files, state.tabs().contains(&Tab::Train)));
    let hidden = obstacle.is_some();
    let answered = state.classify.answered();
    let in_sight = answered.filter(|_| !hidden);
    let id = answered.map(|_| state.classify.answers.to_string());
    html! {
        <section
            key="classify" class="results" aria-labelledby="classify-title" data-testid="results"
            data-result-id={id} aria-busy={state.is_thinking().to_string()}
        >
            <div class="results-head">
                <h2 class="visually-hidden" id="classify-title">{ "Classify" }</h2>
                { device_line(state) }
                <p class="elapsed" data-testid="elapsed">{ in_sight.map(elapsed) }</p>
            </div>
            { running.map(|it| work_strip(Some(it), "names", String::new(), act(state, Action::StopAsking))) }
            <p class="visually-hidden" role="status">{ in_sight.and(rankings.as_deref()).map(spoken) }</p>
            <div class="stage">
                <div
                    class={looks("learners", hidden.then_some("is-hidden"))}
                    aria-hidden={hidden.then_some("true")}
                >
                    { cards }
                    { invitation }
                </div>
                { obstacle }
            </div>
            { batch_panel(state, on_files) }
        </section>
    }
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
    learner_card(ranking, &pieces, detail)
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
