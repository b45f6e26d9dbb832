//! Beside zero-shot while no prompt has been learned: what could stand here.

use web_sys::File;
use yew::prelude::*;

use super::file_input::{Takes, file_input};
use super::text::span;

/// `can_train`: whether the page has the Train tab.
pub fn invitation(on_files: &Callback<Vec<File>>, can_train: bool) -> Html {
    let vectors = (1..=4).map(|number| {
        html! {
            <span class="piece is-ghost">{ "v" }<sub>{ number }</sub></span>
        }
    });
    html! {
        <label class="invitation">
            <span class="invitation-prompt" aria-hidden="true">
                { for vectors }
                { span("piece is-class", "class") }
            </span>
            <strong>{ "Beside the words, a learned prompt" }</strong>
            <span>
                { "Learn one from a few photos " }
                { can_train.then_some("in the Train tab, or ") }
                { "with " }
                <code>{ "clipwright train coop" }</code>
                { ", then drop its " }
                <code>{ "learned.safetensors" }</code>
                { " anywhere on this page." }
            </span>
            <span class="button" aria-hidden="true">{ "Choose a file" }</span>
            { file_input(Takes::Files, "invitation-input", "Load a learned prompt", on_files) }
        </label>
    }
}
