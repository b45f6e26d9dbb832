//! The templates: one, or several whose text features are averaged.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::prompt_line::PromptLine;
use crate::prompt::{PLACEHOLDER, template_pieces};
use crate::state::{Action, State, WordsAction};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Templates(props: &Props) -> Html {
    let state = &props.state;
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
    let act = |action: WordsAction| {
        let dispatch = state.dispatcher();
        Callback::from(move |_: MouseEvent| dispatch.dispatch(Action::Words(action.clone())))
    };
    let field = field(state, 0, "template-input");
    html! {
        <div class="words" data-method="zero_shot">
            <label class="field">
                <span class="field-label"><span class="dot" />{ "Words" }</span>
                { field }
            </label>
            <PromptLine pieces={template_pieces(&first)} class_name="class" />
            if count > 1 {
                <ul class="templates" aria-label="Other templates of the ensemble">{ for others }</ul>
            }
            <p class={classes!("help", wrong.then_some("is-wrong"))} id="template-help">{ help }</p>
            if !state.is_fixed() {
                <div class="template-ways">
                    <button class="quiet" type="button" data-testid="template-add" onclick={act(WordsAction::TemplateAdded)}>
                        { "Add a template" }
                    </button>
                    if count > 1 {
                        <button class="quiet" type="button" data-testid="template-one" onclick={act(WordsAction::EnsembleLeft)}>
                            { "Only the first" }
                        </button>
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
    let dispatch = state.dispatcher();
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatch.dispatch(Action::Words(WordsAction::TemplateRemoved(at)));
    });
    let field = field(state, at, "template-row");
    html! {
        <li class="template" key={at}>
            { field }
            if !state.is_fixed() {
                <button class="remove" type="button" {onclick} aria-label={format!("remove the template {template}")} />
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
