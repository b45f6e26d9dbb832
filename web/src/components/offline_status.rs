//! Says when there is no connection. It floats in a corner, so nothing moves for it.

use yew::prelude::*;

use crate::hooks::use_online;

#[component]
pub fn OfflineStatus() -> Html {
    let online = use_online();
    let text = "Offline: everything here works, downloads wait.";
    html! {
        <p class={classes!("offline", (!online).then_some("is-on"))} role="status" data-testid="offline">
            { (!online).then_some(text) }
        </p>
    }
}
