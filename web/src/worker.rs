//! The worker's loop: a message in, its work step by step, an answer out with its
//! time. Between two steps it gives the browser a turn, so that the page's next
//! message is heard.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use clipwright_shared::protocol::{Answer, Event, Message, Request};
use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort, Response};

use crate::engine::{Engine, KIBIBYTE, NamedFile, Reply};
use crate::envelope::{FilesAgain, files_again, read_message, reply_to_page};

mod helpers;
mod readers;

use helpers::WorkerHelpers;

pub use readers::{BlobReader, PortReader};

/// The rules of the whole vocabulary, beside the page and the worker's script.
pub const MERGES: &str = "vocabulary/merges.txt";

/// Listens to the page, then tells it so.
pub fn run() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    // A message to itself comes back after those that the page has sent meanwhile.
    let channel = MessageChannel::new();
    let channel = channel.unwrap_or_else(|error| wasm_bindgen::throw_val(error));
    let ear = channel.port2();
    ear.start();
    let worker = Rc::new(RefCell::new(Worker::new(scope.clone(), channel.port1())));
    {
        let worker = worker.clone();
        EventListener::new(&ear, "message", move |_| {
            worker.borrow_mut().step();
            if worker.borrow().lacks_vocabulary() {
                spawn_local(fetch_vocabulary(worker.clone()));
            }
        })
        .forget();
    }
    let wake: Rc<dyn Fn()> = {
        let worker = worker.clone();
        Rc::new(move || worker.borrow_mut().hear(Engine::news_came))
    };
    {
        let helpers = WorkerHelpers::new(scope.clone(), wake.clone());
        let mut worker = worker.borrow_mut();
        worker.engine.helped_by(helpers.clone());
        worker.helpers = Some(helpers);
    }
    EventListener::new(&scope, "message", move |message| {
        let message: &MessageEvent = message.unchecked_ref();
        let data = message.data();
        match read_message(&data, &wake) {
            Ok((message, files)) => {
                let mut worker = worker.borrow_mut();
                if let Message::Do { task, request } = &message
                    && let Request::LoadModel { .. } = **request
                {
                    worker.opening = Some(Opened {
                        task: *task,
                        files: files_again(&data),
                        bytes: files.iter().filter_map(NamedFile::length).sum(),
                    });
                }
                worker.receive(message, files);
            }
            // The page takes a throw for the worker's end and starts another.
            Err(message) => wasm_bindgen::throw_str(&message),
        }
    })
    .forget();
    let ready = Reply {
        event: Event::Ready,
        pixels: Vec::new(),
    };
    post(&scope, &ready, 0.0);
}

/// Brings the worker what [`Worker::lacks_vocabulary`] says.
async fn fetch_vocabulary(worker: Rc<RefCell<Worker>>) {
    let scope = {
        let mut worker = worker.borrow_mut();
        worker.fetches = true;
        worker.scope.clone()
    };
    let text = async {
        let response = JsFuture::from(scope.fetch_with_str(MERGES)).await?;
        let response: Response = response.unchecked_into();
        match response.ok() {
            true => JsFuture::from(response.text()?).await,
            false => Err(format!("status {}", response.status()).into()),
        }
    };
    let text = text.await.map_err(|error: JsValue| {
        let message = error
            .dyn_ref::<js_sys::Error>()
            .map(|error| error.message().into());
        message.or(error.as_string()).unwrap_or_default()
    });
    let text = text.map(|text| text.as_string().unwrap_or_default());
    let mut worker = worker.borrow_mut();
    worker.fetches = false;
    worker.hear(|engine| engine.bring_vocabulary(text));
}

/// A model that a task opens.
struct Opened {
    task: u32,
    files: Option<FilesAgain>,
    /// Of its files or tensors, as far as is known.
    bytes: u64,
}

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    /// Calls for the next step.
    bell: MessagePort,
    engine: Engine,
    /// Whether the vocabulary is on its way.
    fetches: bool,
    helpers: Option<WorkerHelpers>,
    /// The model that is being opened, for helpers.
    opening: Option<Opened>,
    /// When each task began.
    begun: BTreeMap<u32, f64>,
}

impl Worker {
    fn new(scope: DedicatedWorkerGlobalScope, bell: MessagePort) -> Self {
        Self {
            scope,
            bell,
            fetches: false,
            engine: Engine::default(),
            helpers: None,
            opening: None,
            begun: BTreeMap::new(),
        }
    }

    fn receive(&mut self, message: Message, files: Vec<NamedFile>) {
        if let Message::Do { task, .. } = message {
            self.begun.insert(task, self.now());
        }
        self.hear(|engine| engine.receive(message, files));
    }

    /// Tells the engine something, and goes on if there is something to do now.
    fn hear<R: IntoIterator<Item = Reply>>(&mut self, tell: impl FnOnce(&mut Engine) -> R) {
        let was_idle = self.engine.is_idle();
        for reply in tell(&mut self.engine) {
            self.tell(&reply);
        }
        if was_idle {
            self.ring();
        }
    }

    fn step(&mut self) {
        if let Some(reply) = self.engine.step() {
            self.tell(&reply);
        }
        self.ring();
    }

    fn lacks_vocabulary(&self) -> bool {
        self.engine.wants_vocabulary() && !self.fetches
    }

    /// Asks for a step, if there is one to do.
    fn ring(&self) {
        if !self.engine.is_idle() {
            let _ = self.bell.post_message(&JsValue::NULL);
        }
    }

    fn tell(&mut self, reply: &Reply) {
        self.follow_opening(&reply.event);
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

    /// Tells helpers of a model once it is open.
    fn follow_opening(&mut self, event: &Event) {
        match event {
            Event::Progress { task, progress } => {
                let opening = self.opening.as_mut();
                if let Some(opened) = opening.filter(|opened| opened.task == *task) {
                    opened.bytes = opened.bytes.max(progress.total as u64 * KIBIBYTE);
                }
            }
            Event::Done {
                task,
                answer: Answer::ModelLoaded { .. },
            } => {
                if let Some(opened) = self.opening.take_if(|opened| opened.task == *task)
                    && let Some(helpers) = &self.helpers
                {
                    helpers.model(opened.files, opened.bytes);
                }
            }
            _ => {}
        }
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
