//! A file picker without a look of its own; a label around it gives it one.

use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use crate::hooks::files_of;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub testid: AttrValue,
    pub label: AttrValue,
    #[prop_or_default]
    pub accept: AttrValue,
    #[prop_or_default]
    pub multiple: bool,
    /// Chooses a folder with all that is in it.
    #[prop_or_default]
    pub folder: bool,
    pub on_files: Callback<Vec<File>>,
}

#[component]
pub fn FileInput(props: &Props) -> Html {
    let input = use_node_ref();
    {
        let input = input.clone();
        use_effect_with(props.folder, move |&folder| {
            // No attribute that the templates know.
            if let Some(input) = input.cast::<HtmlInputElement>().filter(|_| folder) {
                let _ = input.set_attribute("webkitdirectory", "");
            }
        });
    }
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
            ref={input} class="visually-hidden" type="file" data-testid={&props.testid} aria-label={&props.label}
            accept={&props.accept} multiple={props.multiple} {onchange}
        />
    }
}
