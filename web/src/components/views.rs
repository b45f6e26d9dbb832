//! What the rooms of patches and of augmentations share: the image with places marked
//! on it, a view with what it says, and one view looked at closely.

mod cell;
mod detail;
mod learners;
mod pointing;
mod roving;
mod source_image;
mod words;

pub use cell::{CellRole, ViewCell};
use detail::ViewDetail;
pub use learners::LearnerChoice;
pub use pointing::{Pointing, columns_of, use_pointing};
pub use roving::moved;
pub use source_image::{SourceImage, svg_box};
pub use words::{described, entropy_help, finished, spoken};

use yew::prelude::*;

use super::method_key;
use super::problem_box::ProblemBox;
use crate::state::{Inquiry, ShownViews, State, Task, WorkerPhase};

/// What stands between a question about views and its answer.
pub fn obstacle(
    state: &State,
    inquiry: &Inquiry,
    question: Option<&Task>,
    again: Callback<()>,
) -> Option<Html> {
    if let WorkerPhase::Stopped(problem) = &state.worker.phase {
        return Some(html! { <ProblemBox problem={problem.clone()} /> });
    }
    // Before the samples have come, an empty page is no problem yet.
    let obstacle = state.obstacle().filter(|_| state.samples.is_some());
    if let Some(problem) = obstacle {
        return Some(html! { <ProblemBox {problem} /> });
    }
    let problem = inquiry.problem(question)?.clone();
    Some(html! { <ProblemBox {problem} action="Try again" on_action={again} /> })
}

/// The colour of the learner that a question asks.
pub fn learner_key(state: &State, learned: Option<&str>) -> &'static str {
    let info = state.learner_asked(learned);
    info.map_or("zero_shot", |info| method_key(info.method))
}

/// A button that asks again for what was stopped; its place is kept.
pub fn again_button(testid: &'static str, is_stopped: bool, again: &Callback<()>) -> Html {
    let onclick = again.reform(|_: MouseEvent| ());
    html! {
        <button
            class={classes!("quiet", "again", (!is_stopped).then_some("is-away"))} type="button" {onclick}
            data-testid={testid} disabled={!is_stopped}
        >
            { "Go on" }
        </button>
    }
}

/// The view that is looked at; its place while there is none.
pub fn detail(shown: Option<ShownViews<'_>>, at: usize, trusted: &[usize]) -> Html {
    let view = shown.and_then(|shown| Some((shown, shown.answer.views.get(at)?)));
    let Some((shown, view)) = view else {
        return html! { <div class="view-detail is-blank" aria-hidden="true" /> };
    };
    let (title, done) = described(view, shown.grid());
    let ranked = shown.ranked(&view.probabilities).into_iter();
    let ranked: Vec<(AttrValue, f32)> = ranked
        .map(|(class, probability)| (class.to_string().into(), probability))
        .collect();
    html! {
        <ViewDetail
            {at} pixels={shown.pixels} side={shown.answer.side} {title} {done} entropy={view.entropy}
            is_trusted={trusted.contains(&at)} {ranked}
        />
    }
}
