//! A file picker without a look of its own; a label around it gives it one.

use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use crate::hooks::files_of;

/// What can be picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Images,
    Files,
    /// A folder with all that is in it.
    Folder,
}

pub fn file_input(
    takes: Takes,
    testid: impl Into<AttrValue>,
    label: impl Into<AttrValue>,
    on_files: &Callback<Vec<File>>,
) -> Html {
    input(takes, testid.into(), label.into(), on_files.clone())
}

fn input(takes: Takes, testid: AttrValue, label: AttrValue, on_files: Callback<Vec<File>>) -> Html {
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
            class="visually-hidden" type="file" data-testid={testid} aria-label={label} {onchange}
            accept={(takes == Takes::Images).then_some("image/*")} multiple={takes != Takes::Folder}
            webkitdirectory={takes == Takes::Folder}
        />
    }
}
