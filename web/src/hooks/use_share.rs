//! The set-up in the page's address: read when the page opens and when the address
//! changes, written when the set-up does.

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use wasm_bindgen::JsValue;
use yew::prelude::*;

use crate::share::read;
use crate::state::{Action, State};

/// How long a set-up rests before it is written: browsers limit how often an address
/// changes, and a slider changes often.
const REST_MILLISECONDS: u32 = 400;

/// Keeps the address and the set-up the same. `on_sample` chooses a sample image.
#[hook]
pub fn use_share(state: &UseReducerHandle<State>, on_sample: &Callback<usize>) {
    // Before the samples are listed there is nothing that a link could differ from.
    let is_listed = state.samples.is_some();
    let dispatch = state.dispatcher();
    // The listener outlives a render; it asks for the newest callback.
    let newest = use_mut_ref(|| on_sample.clone());
    newest.replace(on_sample.clone());
    use_effect_with(is_listed, move |&is_listed| {
        let take = move || {
            let reading = read(&fragment().unwrap_or_default());
            if let Some(sample) = reading.set_up.sample {
                newest.borrow().emit(sample);
            }
            dispatch.dispatch(Action::SetUpArrived(reading));
        };
        let window = web_sys::window().filter(|_| is_listed);
        let listener = window.map(|window| {
            take();
            EventListener::new(&window, "hashchange", move |_| take())
        });
        move || drop(listener)
    });

    let fragment = is_listed.then(|| state.set_up().fragment().0);
    use_effect_with(fragment, |fragment| {
        let fragment = fragment.clone();
        let waiting =
            fragment.map(|fragment| Timeout::new(REST_MILLISECONDS, move || write(&fragment)));
        move || drop(waiting)
    });
}

/// A link to the page as it is set up, and what is not in it although it is no file.
pub fn link(state: &State) -> (String, Vec<&'static str>) {
    let (fragment, left_out) = state.set_up().fragment();
    let location = web_sys::window().map(|window| window.location());
    let page = location.and_then(|location| location.href().ok());
    let page = page.unwrap_or_default();
    let page = page.split('#').next().unwrap_or_default();
    let link = match fragment.is_empty() {
        true => page.to_string(),
        false => format!("{page}#{fragment}"),
    };
    (link, left_out)
}

fn fragment() -> Option<String> {
    web_sys::window()?.location().hash().ok()
}

/// Replaces the fragment, without a new entry in the history. An anchor of the page is
/// left where it is, until there is something to write.
fn write(new: &str) {
    let old = fragment().unwrap_or_default();
    let is_anchor = !old.is_empty() && !old.contains('=');
    if old.trim_start_matches('#') == new || (is_anchor && new.is_empty()) {
        return;
    }
    let Some(window) = web_sys::window() else {
        return;
    };
    let location = window.location();
    let path = (location.pathname().ok()).zip(location.search().ok());
    if let (Some((path, search)), Ok(history)) = (path, window.history()) {
        let mark = if new.is_empty() { "" } else { "#" };
        let address = format!("{path}{search}{mark}{new}");
        // A browser that refuses has the link in “Share set-up” still.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address));
    }
}
