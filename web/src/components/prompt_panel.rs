//! The prompts: the template's words, and what was learned.

use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::card::Card;
use super::file_input::FileInput;
use super::learned_row::LearnedRow;
use super::prompt_line::PromptLine;
use crate::prompt::template_pieces;
use crate::state::{Action, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub on_files: Callback<Vec<File>>,
}

#[component]
pub fn PromptPanel(props: &Props) -> Html {
    let state = &props.state;
    let dispatch = state.dispatcher();
    let oninput = Callback::from(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        dispatch.dispatch(Action::TemplateChanged(input.value()));
    });
    let wrong = state.template_problem().is_some();
    let learned = state.learned.iter().map(|learned| html! {
        <LearnedRow key={learned.file.name.clone()} state={state.clone()} learned={learned.clone()} />
    });
    let summary = match state.learned.len() {
        0 => state.template.clone(),
        count => format!("{} + {count} learned", state.template),
    };
    html! {
        <Card id="prompts" title="Prompts" {summary}>
            <div class="words" data-method="zero_shot">
                <label class="field">
                    <span class="field-label"><span class="dot" />{ "Words" }</span>
                    <input
                        class="text-input" data-testid="template-input" type="text" value={state.template.clone()}
                        {oninput} aria-invalid={wrong.to_string()} aria-describedby="template-help"
                        autocomplete="off" autocapitalize="off" spellcheck="false"
                    />
                </label>
                <PromptLine pieces={template_pieces(&state.template)} class_name="class" />
                <p class={classes!("help", wrong.then_some("is-wrong"))} id="template-help">
                    { "{} stands for the class name, once." }
                </p>
            </div>
            <ul class="learned-files" aria-label="Learned prompts">{ for learned }</ul>
            <label class="add">
                <span>{ "Add a learned prompt" }</span>
                <FileInput
                    testid="learned-input" label="Add a learned prompt" accept=".safetensors" multiple={true}
                    on_files={props.on_files.clone()}
                />
            </label>
        </Card>
    }
}
