//! Tells `offline.js` when the page has all that it opens with, which build it is, and
//! what else it may ask for.

use std::iter;

use serde_json::json;
use web_sys::{CustomEvent, CustomEventInit};
use yew::prelude::*;

use crate::presets::PRESETS;
use crate::state::State;
use crate::worker::MERGES;

/// The name of this build; the worker's files are asked for under it.
pub const PAGE_VERSION: &str = env!("CLIPWRIGHT_PAGE_VERSION");

/// Tells once, when a model is open and the samples are listed.
#[hook]
pub fn use_settled(state: &State) {
    let is_settled = state.model.info().is_some() && state.samples.is_some();
    let (is_site, is_fixed) = (state.site.is_some(), state.is_fixed());
    let told = use_mut_ref(|| false);
    use_effect_with(is_settled, move |&is_settled| {
        if is_settled && !told.replace(true) {
            tell(is_site, is_fixed);
        }
    });
}

fn tell(is_site: bool, is_fixed: bool) {
    // A page of somebody's own classifier has no lesson, and may know its classes only.
    let of_text: Vec<String> = match is_fixed {
        true => Vec::new(),
        false => iter::once(MERGES.into())
            .chain(PRESETS.iter().map(|preset| preset.url()))
            .collect(),
    };
    let detail = json!({
        "version": PAGE_VERSION,
        "welcome": of_text,
        "lesson": (!is_site).then_some("samples/train/lesson.json"),
    });
    let details = CustomEventInit::new();
    details.set_detail(&detail.to_string().into());
    let event = CustomEvent::new_with_event_init_dict("clipwright-settled", &details);
    if let (Some(window), Ok(event)) = (web_sys::window(), event) {
        // Nobody listens where there is no service worker.
        let _ = window.dispatch_event(&event);
    }
}
