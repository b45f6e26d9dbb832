//! The prompts: the templates' words, and what was learned.

mod templates;

use web_sys::File;
use yew::prelude::*;

use super::card::Card;
use super::file_input::FileInput;
use super::learned_row::LearnedRow;
use crate::state::State;
use templates::Templates;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub on_files: Callback<Vec<File>>,
}

#[component]
pub fn PromptPanel(props: &Props) -> Html {
    let state = &props.state;
    let learned = state.learned.iter().map(|learned| html! {
        <LearnedRow key={learned.file.name.clone()} state={state.clone()} learned={learned.clone()} />
    });
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
            <Templates state={state.clone()} />
            <ul class="learned-files" aria-label="Learned prompts">{ for learned }</ul>
            if !state.is_fixed() {
                <div class="adds">
                    <label class="add">
                        <span>{ "Add learned files" }</span>
                        <FileInput
                            testid="learned-input" label="Add learned files: clipwright's, CoOp's, CLIP-LoRA's or PEFT's"
                            multiple={true} on_files={props.on_files.clone()}
                        />
                    </label>
                    <label class="add is-narrow" title="A PEFT adapter or a model, as the folder that it lies in">
                        <span>{ "…or a folder" }</span>
                        <FileInput
                            testid="learned-folder-input" label="Add the folder of an adapter or a model" folder={true}
                            on_files={props.on_files.clone()}
                        />
                    </label>
                </div>
            }
        </Card>
    }
}
