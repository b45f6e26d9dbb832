//! Points at an element of the page: marks it, and scrolls it into sight.

use gloo_timers::callback::Timeout;
use web_sys::{Element, ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::prelude::*;

/// What styles mark an element by.
const MARK: &str = "data-pointed-at";

/// A room that was just opened is drawn before it is pointed at.
const DRAWN_AFTER_MILLISECONDS: u32 = 60;

/// Points at the first of `targets` that can be seen, until they are others.
#[hook]
pub fn use_pointed(targets: Option<&'static [&'static str]>) {
    use_effect_with(targets, |targets| {
        let waiting = targets
            .map(|targets| Timeout::new(DRAWN_AFTER_MILLISECONDS, move || point_at(targets)));
        move || {
            drop(waiting);
            if let Some(element) = marked() {
                let _ = element.remove_attribute(MARK);
            }
        }
    });
}

fn point_at(targets: &[&str]) {
    let document = web_sys::window().and_then(|window| window.document());
    let found = document.and_then(|document| {
        let mut found = targets
            .iter()
            .filter_map(|target| document.query_selector(target).ok()?);
        // What is folded away cannot be pointed at.
        found.find(|element| element.client_height() > 0)
    });
    let Some(element) = found else {
        return;
    };
    let _ = element.set_attribute(MARK, "");
    let options = ScrollIntoViewOptions::new();
    options.set_behavior(ScrollBehavior::Auto);
    options.set_block(ScrollLogicalPosition::Center);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

fn marked() -> Option<Element> {
    let document = web_sys::window()?.document()?;
    document.query_selector(&format!("[{MARK}]")).ok()?
}
