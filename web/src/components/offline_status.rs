//! Says when there is no connection. It floats in a corner, so nothing moves for it.

use yew::prelude::*;

use super::text::looks;

pub fn offline_status(is_online: bool) -> Html {
    let text = "Offline: everything here works, downloads wait.";
    html! {
        <p class={looks("offline", (!is_online).then_some("is-on"))} role="status" data-testid="offline">
            { (!is_online).then_some(text) }
        </p>
    }
}
