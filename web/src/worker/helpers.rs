//! Workers of this worker: each has the model's image encoder and encodes views that it is
//! given. They need no memory that is shared, and so none of the headers that it asks for.

use std::cell::RefCell;
use std::rc::Rc;

use clipwright_shared::threads;
use gloo_events::EventListener;
use js_sys::{Array, Uint8Array};
use serde::Deserialize;
use serde::de::IgnoredAny;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    DedicatedWorkerGlobalScope, MessageEvent, RequestCache, RequestInit, Response, Worker,
    WorkerOptions, WorkerType,
};

use crate::engine::Helpers;
use crate::envelope::{Enclosed, FilesAgain, FromWorker, json_to_worker, read_reply};

/// Work below this is done sooner than a helper has its model.
const LEAST_MULTIPLICATIONS: f64 = 2e10;
/// Batches that a helper has before it: one that it does, one that waits.
const AHEAD: usize = 2;
/// The share of the device's memory that helpers may have together.
const SHARE_OF_MEMORY: f64 = 0.25;
/// GiB of a device that does not tell.
const MEMORY: f64 = 4.0;

/// The helpers of the open model; clones are the same ones.
#[derive(Clone)]
pub struct WorkerHelpers {
    pool: Rc<RefCell<Pool>>,
    wake: Rc<dyn Fn()>,
}

struct Pool {
    scope: DedicatedWorkerGlobalScope,
    /// None where nothing can be read once more.
    model: Option<FilesAgain>,
    /// Its bytes.
    bytes: u64,
    helpers: Vec<Rc<RefCell<Helper>>>,
    /// The newest adapter of the image encoder that views were given with.
    adapter: Vec<u8>,
    numbers: u32,
    done: Vec<(u32, Option<Vec<f32>>)>,
}

struct Helper {
    worker: Worker,
    is_ready: bool,
    /// Whether it has the newest adapter.
    has_adapter: bool,
    /// The numbers of the batches that it has.
    has: Vec<u32>,
    _listeners: Vec<EventListener>,
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// What a helper says, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Ready,
    Progress(IgnoredAny),
    Done { task: u32 },
    Failed(IgnoredAny),
    Cancelled(IgnoredAny),
}

/// The task of a helper's that opens the model; batches count from 1.
const OPENING: u32 = 0;

impl WorkerHelpers {
    /// Calls `wake` when something has come from one.
    pub fn new(scope: DedicatedWorkerGlobalScope, wake: Rc<dyn Fn()>) -> Self {
        let pool = Rc::new(RefCell::new(Pool {
            scope,
            model: None,
            bytes: 0,
            helpers: Vec::new(),
            adapter: Vec::new(),
            numbers: OPENING,
            done: Vec::new(),
        }));
        Self { pool, wake }
    }

    /// Another model is open, of so many bytes.
    pub fn model(&self, files: Option<FilesAgain>, bytes: u64) {
        let mut pool = self.pool.borrow_mut();
        pool.helpers.clear();
        pool.done.clear();
        pool.model = files;
        pool.bytes = bytes;
    }

    /// Starts one more, which opens the model as soon as it can.
    fn start(&self) -> Result<(), JsValue> {
        let (address, files) = {
            let pool = self.pool.borrow();
            (
                pool.scope.location().href(),
                pool.model.clone().unwrap_or_default(),
            )
        };
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&address, &options)?;
        let helper = Rc::new(RefCell::new(Helper {
            worker: worker.clone(),
            is_ready: false,
            has_adapter: false,
            has: Vec::new(),
            _listeners: Vec::new(),
        }));
        let heard = {
            let (helpers, helper) = (self.clone(), Rc::downgrade(&helper));
            EventListener::new(&worker, "message", move |message| {
                let message: &MessageEvent = message.unchecked_ref();
                if let Some(helper) = helper.upgrade() {
                    helpers.hear(&helper, &message.data(), &files);
                }
            })
        };
        let died = {
            let (helpers, helper) = (self.clone(), Rc::downgrade(&helper));
            EventListener::new(&worker, "error", move |_| {
                if let Some(helper) = helper.upgrade() {
                    helpers.give_up(&helper);
                }
            })
        };
        helper.borrow_mut()._listeners = vec![heard, died];
        self.pool.borrow_mut().helpers.push(helper);
        Ok(())
    }

    fn hear(&self, helper: &Rc<RefCell<Helper>>, data: &JsValue, files: &FilesAgain) {
        let Ok(FromWorker { event, pixels, .. }) = read_reply::<Told>(data) else {
            return self.give_up(helper);
        };
        match event {
            Told::Ready => {
                let (helpers, helper, files) = (self.clone(), helper.clone(), files.clone());
                spawn_local(async move {
                    if open(&helper, files).await.is_err() {
                        helpers.give_up(&helper);
                    }
                });
            }
            Told::Progress(_) => {}
            Told::Done { task: OPENING } => helper.borrow_mut().is_ready = true,
            Told::Done { task: number } => {
                let bytes = pixels.map(|bytes| Uint8Array::new(&bytes).to_vec());
                let bytes = bytes.unwrap_or_default();
                let floats = bytes.as_chunks().0.iter();
                let features = floats.map(|float| f32::from_le_bytes(*float)).collect();
                helper.borrow_mut().has.retain(|other| *other != number);
                self.pool.borrow_mut().done.push((number, Some(features)));
                (self.wake)();
            }
            Told::Failed(_) | Told::Cancelled(_) => self.give_up(helper),
        }
    }

    /// Ends one; this worker does what it had.
    fn give_up(&self, helper: &Rc<RefCell<Helper>>) {
        {
            let mut pool = self.pool.borrow_mut();
            pool.helpers.retain(|other| !Rc::ptr_eq(other, helper));
            // No other would fare better.
            pool.model = None;
            let lost = helper.borrow_mut().has.split_off(0);
            pool.done
                .extend(lost.into_iter().map(|number| (number, None)));
        }
        (self.wake)();
    }
}

/// Gives a helper the model.
async fn open(helper: &RefCell<Helper>, mut files: FilesAgain) -> Result<(), JsValue> {
    for file in &mut files {
        if let Some(address) = file.content.as_string() {
            let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
            let init = RequestInit::new();
            // What was read before, as far as the browser has it.
            init.set_cache(RequestCache::ForceCache);
            let response = scope.fetch_with_str_and_init(&address, &init);
            let response: Response = JsFuture::from(response).await?.unchecked_into();
            file.content = JsFuture::from(response.blob()?).await?;
        } else if let Some(ports) = file.content.dyn_ref::<Array>() {
            file.content = ports.pop();
        }
    }
    send(&helper.borrow().worker, OPENING, OPEN, &files)
}

/// The request to open a model for its image encoder.
const OPEN: &str = r#"{"load_model":{"name":"","only_image":true}}"#;

/// The request for features of views of `side` pixels.
fn encode_views(side: u32, adapted: bool) -> String {
    format!(r#"{{"encode_views":{{"side":{side},"adapted":{adapted}}}}}"#)
}

/// Bytes as a file that goes along.
fn file(name: &str, bytes: &[u8]) -> Enclosed {
    Enclosed::new(name, Uint8Array::from(bytes).buffer())
}

/// Sends a request. It is written by hand: what writes and reads all that page and worker
/// say to each other is long, and there is none of it in a worker otherwise.
fn send(worker: &Worker, task: u32, request: &str, files: &[Enclosed]) -> Result<(), JsValue> {
    let (message, transfer) = json_to_worker(message(task, request).into(), files)?;
    worker.post_message_with_transfer(&message, &transfer)
}

fn message(task: u32, request: &str) -> String {
    format!(r#"{{"do":{{"task":{task},"request":{request}}}}}"#)
}

impl Helpers for WorkerHelpers {
    fn expect(&mut self, multiplications: f64) {
        let wanted = {
            let pool = self.pool.borrow();
            if pool.model.is_none() || !pool.helpers.is_empty() {
                return;
            }
            pool.wanted(multiplications)
        };
        for _ in 0..wanted {
            if self.start().is_err() {
                break;
            }
        }
    }

    fn offer(&mut self, side: u32, views: &[u8], adapter: Option<&[u8]>) -> Option<u32> {
        let mut pool = self.pool.borrow_mut();
        let pool = &mut *pool;
        if let Some(adapter) = adapter.filter(|adapter| *adapter != pool.adapter) {
            pool.adapter = adapter.into();
            for helper in &pool.helpers {
                helper.borrow_mut().has_adapter = false;
            }
        }
        let free = pool.helpers.iter().filter(|helper| {
            let helper = helper.borrow();
            helper.is_ready && helper.has.len() < AHEAD
        });
        let helper = free.min_by_key(|helper| helper.borrow().has.len())?.clone();
        pool.numbers += 1;
        let task = pool.numbers;
        let mut helper = helper.borrow_mut();
        let mut files = vec![file("views", views)];
        if adapter.is_some() && !helper.has_adapter {
            files.push(file("adapter", &pool.adapter));
            helper.has_adapter = true;
        }
        let request = encode_views(side, adapter.is_some());
        send(&helper.worker, task, &request, &files).ok()?;
        helper.has.push(task);
        Some(task)
    }

    fn take(&mut self) -> Vec<(u32, Option<Vec<f32>>)> {
        std::mem::take(&mut self.pool.borrow_mut().done)
    }
}

impl Pool {
    /// How many helpers so much work is worth: one for each processor but this worker's, as
    /// far as there is memory. `helpers=2` in the worker's own address says how many, for any
    /// work.
    fn wanted(&self, multiplications: f64) -> usize {
        let location = self.scope.location();
        let query = web_sys::UrlSearchParams::new_with_str(&location.search());
        let said = query.ok().and_then(|query| query.get("helpers"));
        if let Some(said) = said {
            return said.parse().unwrap_or(0);
        }
        // Threads of this worker do it sooner, and need no model of their own.
        if multiplications < LEAST_MULTIPLICATIONS || threads() > 1 {
            return 0;
        }
        let navigator = self.scope.navigator();
        let memory = js_sys::Reflect::get(&navigator, &"deviceMemory".into());
        let memory = memory
            .ok()
            .and_then(|memory| memory.as_f64())
            .unwrap_or(MEMORY);
        let room = memory * SHARE_OF_MEMORY * f64::from(1 << 30) / self.bytes.max(1) as f64;
        let others = navigator.hardware_concurrency() - 1.0;
        others.min(room).max(0.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use clipwright_shared::protocol::{Answer, Event, Message, Request};

    use super::{OPEN, OPENING, Told, encode_views, message};

    #[test]
    fn what_is_written_by_hand_is_what_page_and_worker_say() {
        let name = String::new();
        let open = Request::LoadModel {
            name,
            only_image: true,
        };
        let encode = |adapted| Request::EncodeViews { side: 224, adapted };
        for (task, by_hand, request) in [
            (OPENING, OPEN.to_string(), open),
            (7, encode_views(224, false), encode(false)),
            (8, encode_views(224, true), encode(true)),
        ] {
            let request = Box::new(request);
            let expected = serde_json::to_string(&Message::Do { task, request }).unwrap();
            assert_eq!(message(task, &by_hand), expected);
        }
        let answer = Answer::ViewsEncoded;
        let done = serde_json::to_string(&Event::Done { task: 7, answer }).unwrap();
        let told: Told = serde_json::from_str(&done).unwrap();
        assert!(matches!(told, Told::Done { task: 7 }));
        let ready = serde_json::to_string(&Event::Ready).unwrap();
        let told: Told = serde_json::from_str(&ready).unwrap();
        assert!(matches!(told, Told::Ready));
    }
}
