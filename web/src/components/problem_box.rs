//! What went wrong, what to try, and a button for it where there is one.

use yew::prelude::*;

use crate::state::Problem;

/// A problem that has no button.
pub fn problem_box(problem: &Problem) -> Html {
    with_button(problem, None)
}

/// A problem with a button that does something about it.
pub fn problem_with(
    problem: &Problem,
    action: &'static str,
    onclick: Callback<MouseEvent>,
) -> Html {
    let button = html! { <button class="button" type="button" {onclick}>{ action }</button> };
    with_button(problem, Some(button))
}

fn with_button(problem: &Problem, button: Option<Html>) -> Html {
    let hint = problem.hint.as_deref();
    let hint = hint.map(|hint| html! { <p class="problem-hint">{ sentence(hint) }</p> });
    html! {
        <div class="problem" role="alert" data-testid="error">
            <div>
                <p class="problem-message">{ sentence(&problem.message) }</p>
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
