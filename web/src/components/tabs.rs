//! The questions, one tab each, and the room of the one that is looked at.

use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::{act, focus_in};
use crate::state::{Action, State, Tab};

/// `room` is that of the chosen tab.
pub fn tabs(state: &UseReducerHandle<State>, room: Html) -> Html {
    let tabs = state.tabs().iter().map(|tab| tab_button(state, *tab));
    let onkeydown = on_key(state);
    html! {
        <>
            <div class="tabs" role="tablist" aria-label="What to look at" {onkeydown}>{ for tabs }</div>
            <div
                class="room" role="tabpanel" id="room" aria-labelledby={format!("tab-{}", state.tab.key())}
                data-testid={format!("room-{}", state.tab.key())}
            >
                { room }
            </div>
        </>
    }
}

fn tab_button(state: &UseReducerHandle<State>, tab: Tab) -> Html {
    let chosen = state.tab == tab;
    let onclick = act(state, Action::TabChosen(tab));
    html! {
        <button
            class="tab" role="tab" type="button" id={format!("tab-{}", tab.key())} {onclick}
            data-testid={format!("tab-{}", tab.key())} data-tab={tab.key()}
            aria-selected={chosen.to_string()} aria-controls="room"
            tabindex={if chosen { "0" } else { "-1" }}
        >
            { tab.title() }
        </button>
    }
}

/// Arrows, Home and End, as tab lists have them.
fn on_key(state: &UseReducerHandle<State>) -> Callback<KeyboardEvent> {
    let (dispatch, tab, tabs) = (state.dispatcher(), state.tab, state.tabs());
    Callback::from(move |event: KeyboardEvent| {
        let count = tabs.len();
        let at = tabs.iter().position(|known| *known == tab).unwrap_or(0);
        let to = match event.key().as_str() {
            "ArrowRight" => (at + 1) % count,
            "ArrowLeft" => (at + count - 1) % count,
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        dispatch.dispatch(Action::TabChosen(tabs[to]));
        let button = format!("[data-tab={}]", tabs[to].key());
        focus_in(&event, ".tabs", &button);
    })
}
