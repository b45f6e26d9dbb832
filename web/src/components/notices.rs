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
        html! { <ProblemBox {problem} action={label} on_action={act(action)} /> }
    });
    let notice = state.notice.clone().map(|problem| {
        html! { <ProblemBox {problem} action="Dismiss" on_action={act(Action::NoticeDismissed)} /> }
    });
    html! { <div class="notices">{ model }{ notice }</div> }
}
