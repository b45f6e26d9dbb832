//! The worker's loop: a message in, an answer out, each with its time.

use clipwright_shared::protocol::Event;
use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use crate::engine::Engine;
use crate::envelope::{event_message, read_request};

/// Listens to the page, then tells it so.
pub fn run() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let mut engine = Engine::default();
    let own = scope.clone();
    EventListener::new(&scope, "message", move |message| {
        let message: &MessageEvent = message.unchecked_ref();
        let start = now(&own);
        let event = match read_request(&message.data()) {
            Ok((request, bytes)) => engine.answer(request, &bytes),
            Err(message) => Event::Failed {
                id: None,
                message,
                hint: Some("reload the page".into()),
            },
        };
        post(&own, &event, now(&own) - start);
    })
    .forget();
    post(&scope, &Event::Ready, 0.0);
}

fn now(scope: &DedicatedWorkerGlobalScope) -> f64 {
    scope.performance().map_or(0.0, |clock| clock.now())
}

fn post(scope: &DedicatedWorkerGlobalScope, event: &Event, milliseconds: f64) {
    let posted = event_message(event, milliseconds).and_then(|message| {
        scope
            .post_message(&message)
            .map_err(|error| format!("{error:?}"))
    });
    if let Err(message) = posted {
        // The page takes a throw for the worker's end and starts another.
        wasm_bindgen::throw_str(&message);
    }
}
