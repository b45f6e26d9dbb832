//! Problems that belong to no place of their own, over the page's lower edge so
//! that nothing jumps.

use yew::prelude::*;

use super::problem_box::ProblemBox;
use crate::hooks::EMBEDDED_MODEL;
use crate::state::{Action, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Notices(props: &Props) -> Html {
    let state = &props.state;
    let act = |action: Action| {
        let dispatch = state.dispatcher();
        Callback::from(move |()| dispatch.dispatch(action.clone()))
    };
    let model = state.model.problem.clone().map(|problem| {
        let again = match state.model.open {
            // The open one is still there: nothing to try again.
            Some(_) => act(Action::ModelProblemDismissed),
            None => act(Action::ModelRequested { name: EMBEDDED_MODEL.into() }),
        };
        let label = if state.model.open.is_some() { "Dismiss" } else { "Fetch the embedded model" };
        html! { <ProblemBox {problem} action={label} on_action={again} /> }
    });
    let notice = state.notice.clone().map(|problem| {
        html! { <ProblemBox {problem} action="Dismiss" on_action={act(Action::NoticeDismissed)} /> }
    });
    html! { <div class="notices">{ model }{ notice }</div> }
}
