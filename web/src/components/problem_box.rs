//! What went wrong, what to try, and a button for it where there is one.

use yew::prelude::*;

use crate::state::Problem;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub problem: Problem,
    #[prop_or_default]
    pub action: Option<AttrValue>,
    #[prop_or_default]
    pub on_action: Callback<()>,
}

#[component]
pub fn ProblemBox(props: &Props) -> Html {
    let onclick = props.on_action.reform(|_: MouseEvent| ());
    let button = props.action.clone().map(|action| {
        html! {
            <button class="button" type="button" {onclick}>{ action }</button>
        }
    });
    let hint = props.problem.hint.clone().map(|hint| {
        html! {
            <p class="problem-hint">{ sentence(&hint) }</p>
        }
    });
    html! {
        <div class="problem" role="alert" data-testid="error">
            <div>
                <p class="problem-message">{ sentence(&props.problem.message) }</p>
                { hint }
            </div>
            { button }
        </div>
    }
}

/// Messages begin small, as in a terminal; here they stand alone.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    let rest = letters.as_str();
    let end = if text.ends_with(['.', '?', '!', '…']) {
        ""
    } else {
        "."
    };
    format!("{first}{rest}{end}")
}
