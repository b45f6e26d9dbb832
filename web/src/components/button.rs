//! A button with words on it and nothing special about it.

use yew::prelude::*;

/// Its `look` is that of a button, or of something quieter.
pub fn button(
    look: &'static str,
    testid: &'static str,
    says: impl Into<AttrValue>,
    is_disabled: bool,
    onclick: Callback<MouseEvent>,
) -> Html {
    plain(look, testid, says.into(), is_disabled, onclick)
}

fn plain(
    look: &'static str,
    testid: &'static str,
    says: AttrValue,
    disabled: bool,
    onclick: Callback<MouseEvent>,
) -> Html {
    html! { <button class={look} type="button" data-testid={testid} {onclick} {disabled}>{ says }</button> }
}

/// A small cross that takes something away; `label` says what.
pub fn remove_button(label: String, onclick: Callback<MouseEvent>) -> Html {
    html! { <button class="remove" type="button" aria-label={label} {onclick} /> }
}
