//! Something that is on or off.

use web_sys::HtmlInputElement;
use yew::prelude::*;

pub struct Check {
    pub testid: &'static str,
    pub label: &'static str,
    /// One line on what it does.
    pub help: Option<&'static str>,
    pub is_on: bool,
    pub is_disabled: bool,
}

/// A box to be ticked, with its label.
pub fn check(check: Check, on_value: &Callback<bool>) -> Html {
    let Check {
        testid,
        label,
        help,
        is_on,
        is_disabled,
    } = check;
    let onchange = on_value.reform(|event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        input.checked()
    });
    html! {
        <label class="check" title={help}>
            <input type="checkbox" data-testid={testid} checked={is_on} disabled={is_disabled} {onchange} />
            <span>{ label }</span>
        </label>
    }
}
