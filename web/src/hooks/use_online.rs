//! Whether the browser has a connection.

use gloo_events::EventListener;
use yew::prelude::*;

/// Whether the browser says that it is online, as that changes.
#[hook]
pub fn use_online() -> bool {
    let online = use_state_eq(is_online);
    let setter = online.setter();
    use_effect_with((), move |()| {
        let listeners = web_sys::window().map(|window| {
            ["online", "offline"].map(|kind| {
                let setter = setter.clone();
                EventListener::new(&window, kind, move |_| setter.set(is_online()))
            })
        });
        move || drop(listeners)
    });
    *online
}

fn is_online() -> bool {
    web_sys::window().is_none_or(|window| window.navigator().on_line())
}
