//! Zero-shot learned nothing: its prompt is its words.

use yew::prelude::*;

use crate::components::prompt_line::prompt_line;
use crate::prompt::template_pieces;
use crate::state::State;

pub fn words(state: &State) -> Html {
    let templates = state.templates.iter();
    let prompts = templates.map(|template| prompt_line(&template_pieces(template), "class", false));
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
