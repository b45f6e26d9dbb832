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
mod webcam;

use yew::prelude::*;

use course_panel::CoursePanel;
use offers::Offers;
use photos::Photos;
use settings::Settings;

use super::method_key;
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn TrainRoom(props: &Props) -> Html {
    let state = &props.state;
    let method = method_key(state.train.settings.plan.method);
    html! {
        <div class="train" data-method={method}>
            <Offers state={state.clone()} />
            <Photos state={state.clone()} />
            <Settings state={state.clone()} />
            <CoursePanel state={state.clone()} />
        </div>
    }
}
