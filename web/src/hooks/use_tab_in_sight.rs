//! Keeps the chosen tab in sight where the strip of tabs is wider than the screen.

use web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::prelude::*;

use crate::state::Tab;

/// Scrolls the strip whenever another tab is chosen, by whatever means.
#[hook]
pub fn use_tab_in_sight(tab: Tab) {
    use_effect_with(tab, |tab| {
        let document = web_sys::window().and_then(|window| window.document());
        let id = format!("tab-{}", tab.key());
        if let Some(button) = document.and_then(|document| document.get_element_by_id(&id)) {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            options.set_inline(ScrollLogicalPosition::Nearest);
            button.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
}
