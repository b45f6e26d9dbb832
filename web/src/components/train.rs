//! The room of training: photos by class, settings, and how the course goes.

mod class_row;
mod course_panel;
mod curves;
mod map;
mod numbers;
mod offers;
mod photos;
mod scores;
mod settings;

use yew::prelude::*;

use course_panel::course_panel;
use offers::offers;
use photos::Photos;
use settings::settings;

use super::method_key;
use crate::hooks::Sources;
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn TrainRoom(props: &Props) -> Html {
    let state = &props.state;
    let sources = use_context::<Sources>().unwrap_or_default();
    let method = method_key(state.train.settings.plan.method);
    html! {
        <div class="train" data-method={method}>
            { offers(state, &sources) }
            <Photos {state} sources={sources.clone()} />
            { settings(state) }
            { course_panel(state) }
        </div>
    }
}
