//! Who is asked: zero-shot or a learned file, each in its own colour.

use clipwright_shared::learners::Method;
use yew::prelude::*;

use crate::components::{method_key, method_title};
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// Begins the names that styles and tests know the choices by.
    pub id: AttrValue,
    pub state: UseReducerHandle<State>,
    /// A learned file, or zero-shot.
    pub chosen: Option<String>,
    pub on_value: Callback<Option<String>>,
}

#[component]
pub fn LearnerChoice(props: &Props) -> Html {
    let state = &props.state;
    let asked = state.learner_asked(props.chosen.as_deref());
    let asked = asked.map(|info| info.name.clone());
    let zero_shot = choice(props, None, Method::ZeroShot, asked.is_none());
    let learned = state.learners_open().map(|info| {
        let is_chosen = asked.as_ref() == Some(&info.name);
        choice(props, Some(&info.name), info.method, is_chosen)
    });
    html! {
        <fieldset class="asked">
            <legend class="slider-label">{ "Who is asked" }</legend>
            { zero_shot }
            { for learned }
        </fieldset>
    }
}

fn choice(props: &Props, name: Option<&String>, method: Method, is_chosen: bool) -> Html {
    let value = name.cloned();
    let onchange = props.on_value.reform(move |_: Event| value.clone());
    let title = method_title(method);
    let detail =
        name.map(|name| html! { <span class="asked-name" title={name.clone()}>{ name }</span> });
    html! {
        <label class="asked-one" data-method={method_key(method)} key={name.cloned().unwrap_or_default()}>
            <input
                type="radio" name={format!("{}-learner", props.id)} {onchange} checked={is_chosen}
                data-testid={format!("{}-learner", props.id)} data-learner={name.cloned().unwrap_or_default()}
            />
            <span class="asked-look"><span class="dot" />{ title }{ detail }</span>
        </label>
    }
}
