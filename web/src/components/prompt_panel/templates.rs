//! The templates: one, or several whose text features are averaged.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::act;
use crate::components::button::{button, remove_button};
use crate::components::prompt_line::prompt_line;
use crate::components::text::looks;
use crate::prompt::{PLACEHOLDER, template_pieces};
use crate::state::{Action, State, WordsAction};

pub fn templates(state: &UseReducerHandle<State>) -> Html {
    let wrong = state.template_problem().is_some();
    let first = state.templates.first().cloned().unwrap_or_default();
    let others = state.templates.iter().enumerate().skip(1);
    let others = others.map(|(at, template)| other(state, at, template));
    let count = state.templates.len();
    let help = match count {
        1 => "{} stands for the class name, once.".to_string(),
        _ => format!(
            "{{}} stands for the class name, once in each. The text features of all {count} are averaged: an ensemble."
        ),
    };
    let act = |action: WordsAction| act(state, Action::Words(action));
    let field = field(state, 0, "template-input");
    html! {
        <div class="words" data-method="zero_shot">
            <label class="field">
                <span class="field-label"><span class="dot" />{ "Words" }</span>
                { field }
            </label>
            { prompt_line(&template_pieces(&first), "class", false) }
            if count > 1 {
                <ul class="templates" aria-label="Other templates of the ensemble">{ for others }</ul>
            }
            <p class={looks("help", wrong.then_some("is-wrong"))} id="template-help">{ help }</p>
            if !state.is_fixed() {
                <div class="template-ways">
                    { button("quiet", "template-add", "Add a template", false, act(WordsAction::TemplateAdded)) }
                    if count > 1 {
                        { button("quiet", "template-one", "Only the first", false, act(WordsAction::EnsembleLeft)) }
                    } else {
                        <button
                            class="quiet" type="button" data-testid="template-ensemble" onclick={act(WordsAction::EnsembleChosen)}
                            title="The seven that CLIP's authors chose out of eighty, averaged with this one"
                        >
                            { "ImageNet's seven too" }
                        </button>
                    }
                </div>
            }
        </div>
    }
}

/// One more template, with a way to remove it.
fn other(state: &UseReducerHandle<State>, at: usize, template: &str) -> Html {
    let remove = act(state, Action::Words(WordsAction::TemplateRemoved(at)));
    let field = field(state, at, "template-row");
    html! {
        <li class="template" key={at}>
            { field }
            if !state.is_fixed() {
                { remove_button(format!("remove the template {template}"), remove) }
            }
        </li>
    }
}

fn field(state: &UseReducerHandle<State>, at: usize, testid: &'static str) -> Html {
    let template = state.templates.get(at).cloned().unwrap_or_default();
    let wrong = template.matches(PLACEHOLDER).count() != 1;
    let dispatch = state.dispatcher();
    let oninput = Callback::from(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        dispatch.dispatch(Action::TemplateChanged(at, input.value()));
    });
    let label = (at > 0).then(|| format!("Template {}", at + 1));
    html! {
        <input
            class="text-input" data-testid={testid} type="text" value={template} readonly={state.is_fixed()} {oninput}
            aria-label={label} aria-invalid={wrong.to_string()} aria-describedby="template-help"
            autocomplete="off" autocapitalize="off" spellcheck="false"
        />
    }
}
