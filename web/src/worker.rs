//! The worker's loop: a message in, its work step by step, an answer out with its
//! time. Between two steps it gives the browser a turn, so that the page's next
//! message is heard.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use clipwright_shared::protocol::{Event, Message};
use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

use crate::engine::{Engine, Reply};
use crate::envelope::{read_message, reply_to_page};

/// Listens to the page, then tells it so.
pub fn run() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let worker = Rc::new(RefCell::new(Worker::new(scope.clone())));
    // A message to itself comes back after those that the page has sent meanwhile.
    let channel = MessageChannel::new();
    let channel = channel.unwrap_or_else(|error| wasm_bindgen::throw_val(error));
    let (bell, ear) = (channel.port1(), channel.port2());
    ear.start();
    {
        let (worker, bell) = (worker.clone(), bell.clone());
        EventListener::new(&ear, "message", move |_| {
            let mut worker = worker.borrow_mut();
            worker.step();
            if !worker.engine.is_idle() {
                let _ = bell.post_message(&JsValue::NULL);
            }
        })
        .forget();
    }
    EventListener::new(&scope, "message", move |message| {
        let message: &MessageEvent = message.unchecked_ref();
        let mut worker = worker.borrow_mut();
        let was_idle = worker.engine.is_idle();
        worker.receive(&message.data());
        if was_idle && !worker.engine.is_idle() {
            let _ = bell.post_message(&JsValue::NULL);
        }
    })
    .forget();
    let ready = Reply {
        event: Event::Ready,
        pixels: Vec::new(),
    };
    post(&scope, &ready, 0.0);
}

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    engine: Engine,
    /// When each task began.
    begun: BTreeMap<u32, f64>,
}

impl Worker {
    fn new(scope: DedicatedWorkerGlobalScope) -> Self {
        Self {
            scope,
            engine: Engine::default(),
            begun: BTreeMap::new(),
        }
    }

    fn receive(&mut self, data: &JsValue) {
        match read_message(data) {
            Ok((message, files)) => {
                if let Message::Do { task, .. } = message {
                    self.begun.insert(task, self.now());
                }
                for reply in self.engine.receive(message, files) {
                    self.tell(&reply);
                }
            }
            // The page takes a throw for the worker's end and starts another.
            Err(message) => wasm_bindgen::throw_str(&message),
        }
    }

    fn step(&mut self) {
        if let Some(reply) = self.engine.step() {
            self.tell(&reply);
        }
    }

    fn tell(&mut self, reply: &Reply) {
        let begun = match &reply.event {
            Event::Ready => None,
            Event::Progress { task, .. } => self.begun.get(task).copied(),
            Event::Done { task, .. } | Event::Failed { task, .. } | Event::Cancelled { task } => {
                self.begun.remove(task)
            }
        };
        let milliseconds = begun.map_or(0.0, |begun| self.now() - begun);
        post(&self.scope, reply, milliseconds);
    }

    fn now(&self) -> f64 {
        self.scope.performance().map_or(0.0, |clock| clock.now())
    }
}

fn post(scope: &DedicatedWorkerGlobalScope, reply: &Reply, milliseconds: f64) {
    let posted = reply_to_page(reply, milliseconds).and_then(|(message, transfer)| {
        scope
            .post_message_with_transfer(&message, &transfer)
            .map_err(|error| format!("{error:?}"))
    });
    if let Err(message) = posted {
        wasm_bindgen::throw_str(&message);
    }
}
