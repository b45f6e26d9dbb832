//! Problems that belong to no place of their own, over the page's lower edge so
//! that nothing jumps.

use yew::prelude::*;

use super::act;
use super::problem_box::problem_with;
use crate::hooks::EMBEDDED_MODEL;
use crate::state::{Action, State};

pub fn notices(state: &UseReducerHandle<State>) -> Html {
    let model = state.model.problem.as_ref().map(|problem| {
        // With another one open or on its way there is nothing to try again.
        let without = state.model.open.is_none() && state.model.next.is_none();
        let (label, action) = match without {
            true => (
                "Fetch the embedded model",
                Action::ModelRequested {
                    name: EMBEDDED_MODEL.into(),
                },
            ),
            false => ("Dismiss", Action::ModelProblemDismissed),
        };
        problem_with(problem, label, act(state, action))
    });
    let notice = state.notice.as_ref();
    let notice =
        notice.map(|problem| problem_with(problem, "Dismiss", act(state, Action::NoticeDismissed)));
    html! { <div class="notices">{ model }{ notice }</div> }
}
