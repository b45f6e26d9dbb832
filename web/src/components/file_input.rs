//! A file picker without a look of its own; a label around it gives it one.

use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use crate::hooks::files_of;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub testid: AttrValue,
    pub label: AttrValue,
    pub accept: AttrValue,
    #[prop_or_default]
    pub multiple: bool,
    pub on_files: Callback<Vec<File>>,
}

#[component]
pub fn FileInput(props: &Props) -> Html {
    let on_files = props.on_files.clone();
    let onchange = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        let files = files_of(input.files());
        // Or the same file could not be chosen again.
        input.set_value("");
        if !files.is_empty() {
            on_files.emit(files);
        }
    });
    html! {
        <input
            class="visually-hidden" type="file" data-testid={&props.testid} aria-label={&props.label}
            accept={&props.accept} multiple={props.multiple} {onchange}
        />
    }
}
