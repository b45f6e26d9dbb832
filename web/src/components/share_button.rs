//! Copies a link to the page as it is set up, and says what is not in it.

use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

use super::button::button as plain_button;
use super::text::{help, span};
use crate::hooks::link;
use crate::state::State;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

/// A link, and what became of it.
#[derive(Debug, Clone, PartialEq)]
struct Shared {
    link: String,
    left_out: String,
    is_copied: bool,
}

#[component]
pub fn ShareButton(props: &Props) -> Html {
    let shared = use_state_eq(|| None::<Shared>);
    let (field, button) = (use_node_ref(), use_node_ref());
    let onclick = {
        let (state, shared) = (props.state.clone(), shared.clone());
        Callback::from(move |_: MouseEvent| {
            let (link, left_out) = link(&state);
            let shared = shared.clone();
            spawn_local(async move {
                let is_copied = copy(&link).await;
                let left_out = left_out.join(" and ");
                shared.set(Some(Shared {
                    link,
                    left_out,
                    is_copied,
                }));
            });
        })
    };
    // The tour points at things that the link would cover.
    {
        let shared = shared.clone();
        use_effect_with(props.state.tour.step().is_some(), move |is_open| {
            if *is_open {
                shared.set(None);
            }
        });
    }
    // What could not be copied is there to be copied by hand, once it is drawn.
    let by_hand = shared.as_ref().is_some_and(|shared| !shared.is_copied);
    {
        let field = field.clone();
        use_effect_with(by_hand, move |by_hand| {
            if let Some(field) = field.cast::<HtmlInputElement>().filter(|_| *by_hand) {
                let _ = field.focus();
                field.select();
            }
        });
    }
    let close = {
        let (shared, button) = (shared.clone(), button.clone());
        Callback::from(move |()| {
            shared.set(None);
            if let Some(button) = button.cast::<HtmlElement>() {
                let _ = button.focus();
            }
        })
    };
    let onkeydown = {
        let (close, is_open) = (close.clone(), shared.is_some());
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" && is_open {
                event.stop_propagation();
                close.emit(());
            }
        })
    };
    let on_close = close.reform(|_: MouseEvent| ());
    let is_open = shared.is_some();
    let value = shared
        .as_ref()
        .map(|shared| shared.link.clone())
        .unwrap_or_default();
    let said = shared.as_ref().map(said);
    let onfocus = Callback::from(|event: FocusEvent| {
        event.target_unchecked_into::<HtmlInputElement>().select();
    });
    html! {
        <div class="share" {onkeydown}>
            <button
                ref={button} class="tool" type="button" data-testid="share" {onclick}
                aria-expanded={is_open.to_string()} aria-controls="share-panel"
            >
                { "Share" }{ span("tool-more", " set-up") }
            </button>
            <div class="share-panel" id="share-panel" hidden={!is_open}>
                <p class="share-said" role="status" data-testid="share-said">{ said }</p>
                <input
                    ref={field} class="text-input" type="text" readonly=true aria-label="Link to this set-up"
                    data-testid="share-link" {value} {onfocus}
                />
                { help("In it: the tab, the sample, class names, templates, settings, and what your learned files are \
                       called. Not in it: your images, models and the learned files. They stay on this device.") }
                { plain_button("quiet", "share-close", "Close", false, on_close) }
            </div>
        </div>
    }
}

fn said(shared: &Shared) -> String {
    let copied = match shared.is_copied {
        true => "The link is copied.",
        false => "The browser did not let it be copied. Here it is:",
    };
    match shared.left_out.is_empty() {
        true => copied.into(),
        false => format!("{copied} Without {}: too much for a link.", shared.left_out),
    }
}

/// Whether `text` is in the clipboard now.
async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window().filter(web_sys::Window::is_secure_context) else {
        return false;
    };
    let written = window.navigator().clipboard().write_text(text);
    JsFuture::from(written).await.is_ok()
}
