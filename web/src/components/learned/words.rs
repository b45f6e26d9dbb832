//! Zero-shot learned nothing: its prompt is its words.

use yew::prelude::*;

use super::super::prompt_line::PromptLine;
use crate::prompt::template_pieces;
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn Words(props: &Props) -> Html {
    let state = &props.state;
    let prompts = state.templates.iter().map(|template| {
        html! { <PromptLine pieces={template_pieces(template)} class_name="class" /> }
    });
    let more = match state.open_learned().next() {
        Some(_) => "Choose a learned prompt above to see what took the words' place.",
        None => {
            "Learn a prompt in the tab Train, or drop a learned file anywhere on this page, \
             and see here what took the words' place."
        }
    };
    html! {
        <section class="card insight" data-method="zero_shot" data-testid="insight-words">
            <h3 class="insight-title"><span class="dot" />{ "Words alone" }</h3>
            { for prompts }
            <p class="help">
                { "Nothing was learned: the text encoder reads these words with each class name. " }{ more }
            </p>
        </section>
    }
}
