//! What stands between a question and its answer.

use yew::prelude::*;

use super::problem_box::{problem_box, problem_with};
use crate::state::{Problem, State, WorkerPhase};

/// The worker that stopped, else `own`, what keeps the question from being asked, else
/// `failure`, what came of asking.
pub fn obstacle(
    state: &State,
    own: Option<Problem>,
    failure: Option<&Problem>,
    again: Callback<MouseEvent>,
) -> Option<Html> {
    if let WorkerPhase::Stopped(problem) = &state.worker.phase {
        return Some(problem_box(problem));
    }
    // Before the samples have come, an empty page is no problem yet.
    if let Some(problem) = own.filter(|_| state.samples.is_some()) {
        return Some(problem_box(&problem));
    }
    failure.map(|problem| problem_with(problem, "Try again", again))
}
