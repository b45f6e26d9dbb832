//! Name, model, and the promise that nothing leaves the machine.

use yew::prelude::*;

use super::model_status::ModelStatus;
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Header(props: &Props) -> Html {
    html! {
        <header class="top">
            <h1 class="wordmark">{ "clip" }<b>{ "wright" }</b></h1>
            <ModelStatus state={props.state.clone()} />
            <p class="promise">{ "Everything is computed on this device. Nothing is uploaded." }</p>
        </header>
    }
}
