//! Beside zero-shot while no prompt has been learned: what could stand here.

use web_sys::File;
use yew::prelude::*;

use super::file_input::FileInput;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub on_files: Callback<Vec<File>>,
}

#[component]
pub fn Invitation(props: &Props) -> Html {
    let vectors = (1..=4).map(|number| {
        html! {
            <span class="piece is-ghost">{ "v" }<sub>{ number }</sub></span>
        }
    });
    html! {
        <label class="invitation">
            <span class="invitation-prompt" aria-hidden="true">
                { for vectors }
                <span class="piece is-class">{ "class" }</span>
            </span>
            <strong>{ "Beside the words, a learned prompt" }</strong>
            <span>
                { "Learn one from a few photos with " }
                <code>{ "clipwright train coop" }</code>
                { ", then drop its " }
                <code>{ "learned.safetensors" }</code>
                { " anywhere on this page." }
            </span>
            <span class="button" aria-hidden="true">{ "Choose a file" }</span>
            <FileInput
                testid="invitation-input" label="Load a learned prompt" multiple={true}
                on_files={props.on_files.clone()}
            />
        </label>
    }
}
