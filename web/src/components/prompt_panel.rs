//! The prompts: the templates' words, and what was learned.

mod templates;

use web_sys::File;
use yew::prelude::*;

use super::card::Card;
use super::file_input::{Takes, file_input};
use super::learned_row::learned_row;
use crate::state::State;
use templates::templates;

pub fn prompt_panel(state: &UseReducerHandle<State>, on_files: &Callback<Vec<File>>) -> Html {
    let learned = state
        .learned
        .iter()
        .map(|learned| learned_row(state, learned));
    let files = "Add learned files: clipwright's, CoOp's, CLIP-LoRA's or PEFT's";
    let folder = "Add the folder of an adapter or a model";
    let words = match &state.templates[..] {
        [template] => template.clone(),
        templates => format!("{} templates", templates.len()),
    };
    let summary = match state.learned.len() {
        0 => words,
        count => format!("{words} + {count} learned"),
    };
    html! {
        <Card id="prompts" title="Prompts" {summary}>
            { templates(state) }
            <ul class="learned-files" aria-label="Learned prompts">{ for learned }</ul>
            if !state.is_fixed() {
                <div class="adds">
                    <label class="add">
                        <span>{ "Add learned files" }</span>
                        { file_input(Takes::Files, "learned-input", files, on_files) }
                    </label>
                    <label class="add is-narrow" title="A PEFT adapter or a model, as the folder that it lies in">
                        <span>{ "…or a folder" }</span>
                        { file_input(Takes::Folder, "learned-folder-input", folder, on_files) }
                    </label>
                </div>
            }
        </Card>
    }
}
