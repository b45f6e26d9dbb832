//! Who is asked: zero-shot or a learned file, each in its own colour.

use clipwright_shared::learners::Method;
use yew::prelude::*;

use crate::components::{method_key, method_title};
use crate::state::State;

/// `name` is what styles and tests know the choices by, `chosen` a learned file, or
/// none for zero-shot.
pub fn learner_choice(
    state: &State,
    name: &str,
    chosen: Option<&str>,
    on_value: &Callback<Option<String>>,
) -> Html {
    let asked = state.learner_asked(chosen).map(|info| &info.name);
    let zero_shot = choice(name, None, Method::ZeroShot, asked.is_none(), on_value);
    let learned = state.learners_open().map(|info| {
        let is_chosen = asked == Some(&info.name);
        choice(name, Some(&info.name), info.method, is_chosen, on_value)
    });
    html! {
        <fieldset class="asked">
            <legend class="slider-label">{ "Who is asked" }</legend>
            { zero_shot }
            { for learned }
        </fieldset>
    }
}

fn choice(
    name: &str,
    learner: Option<&String>,
    method: Method,
    is_chosen: bool,
    on_value: &Callback<Option<String>>,
) -> Html {
    let value = learner.cloned();
    let learner = AttrValue::from(learner.cloned().unwrap_or_default());
    let detail = value.is_some().then(
        || html! { <span class="asked-name" title={learner.clone()}>{ learner.clone() }</span> },
    );
    let onchange = on_value.reform(move |_: Event| value.clone());
    let name = AttrValue::from(name.to_string());
    html! {
        <label class="asked-one" data-method={method_key(method)} key={&*learner}>
            <input
                type="radio" name={name.clone()} {onchange} checked={is_chosen} data-testid={name}
                data-learner={learner.clone()}
            />
            <span class="asked-look"><span class="dot" />{ method_title(method) }{ detail }</span>
        </label>
    }
}
