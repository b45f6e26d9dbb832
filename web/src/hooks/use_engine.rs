//! The worker's life: started once, started again when it dies, and given one
//! task at a time.

use std::cell::RefCell;
use std::rc::Rc;

use clipwright_shared::protocol::{Message, Request};
use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::prelude::*;

use super::Sources;
use crate::envelope::{Enclosed, message_to_worker, read_reply};
use crate::state::{Action, Lane, Problem, State, Task};

/// Starts the worker of this very build, whatever is kept for offline use.
const WORKER_URL: &str = concat!("./worker_loader.js?v=", env!("CLIPWRIGHT_PAGE_VERSION"));

/// A running worker; dropping it ends it.
struct EngineWorker {
    worker: Worker,
    _listeners: [EventListener; 3],
}

impl EngineWorker {
    fn start(
        generation: u32,
        dispatch: &UseReducerDispatcher<State>,
        sources: &Sources,
    ) -> Result<Self, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker =
            Worker::new_with_options(WORKER_URL, &options).map_err(|error| format!("{error:?}"))?;
        let on_message = {
            let (dispatch, sources) = (dispatch.clone(), sources.clone());
            EventListener::new(&worker, "message", move |message| {
                let message: &MessageEvent = message.unchecked_ref();
                dispatch.dispatch(match read_reply(&message.data()) {
                    Ok(reply) => Action::WorkerSaid {
                        generation,
                        event: reply.event,
                        milliseconds: reply.milliseconds,
                        pixels: reply.pixels.map(|pixels| sources.keep_pixels(&pixels)),
                    },
                    Err(reason) => Action::WorkerDied { generation, reason },
                });
            })
        };
        let died = |kind: &'static str| {
            let dispatch = dispatch.clone();
            EventListener::new(&worker, kind, move |event| {
                let reason = reason(event);
                dispatch.dispatch(Action::WorkerDied { generation, reason });
            })
        };
        let _listeners = [on_message, died("error"), died("messageerror")];
        Ok(Self { worker, _listeners })
    }

    async fn send(&self, id: u32, task: &Task, sources: &Sources) -> Result<(), Problem> {
        let files = match task.request {
            Request::LoadModel { .. } => sources.model(&task.files).await?,
            _ => sources.bytes(&task.files).await?,
        };
        self.post(&task.message(id), &files)
    }

    fn post(&self, message: &Message, files: &[Enclosed]) -> Result<(), Problem> {
        let posted = message_to_worker(message, files).and_then(|(message, transfer)| {
            self.worker
                .post_message_with_transfer(&message, &transfer)
                .map_err(|error| format!("{error:?}"))
        });
        posted.map_err(|error| {
            Problem::new(
                format!("the worker cannot be reached: {error}"),
                "reload the page",
            )
        })
    }
}

impl Drop for EngineWorker {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// Why a worker died, as far as the browser tells.
fn reason(event: &web_sys::Event) -> String {
    let message = event.dyn_ref::<ErrorEvent>().and_then(|event| {
        // A script that could not be loaded gives a plain event: no message.
        js_sys::Reflect::get(event, &JsValue::from_str("message"))
            .ok()?
            .as_string()
    });
    match message.filter(|message| !message.is_empty()) {
        Some(message) => message.trim_start_matches("Uncaught ").into(),
        None => "its script could not be loaded".into(),
    }
}

/// Keeps a worker running and gives it what [`State::next_task`] says.
#[hook]
pub fn use_engine(state: &UseReducerHandle<State>, sources: &Sources) {
    let slot: Slot = use_mut_ref(|| None);
    let dispatch = state.dispatcher();

    {
        let (slot, dispatch, sources) = (slot.clone(), dispatch.clone(), sources.clone());
        use_effect_with(state.worker.generation, move |&generation| {
            match EngineWorker::start(generation, &dispatch, &sources) {
                Ok(worker) => *slot.borrow_mut() = Some(Rc::new(worker)),
                Err(reason) => dispatch.dispatch(Action::WorkerDied { generation, reason }),
            }
            move || drop(slot.borrow_mut().take())
        });
    }

    use_lane(Lane::Question, state, sources, &slot);
    use_lane(Lane::Training, state, sources, &slot);

    {
        let wish = (state.worker.generation, state.overtaken());
        use_effect_with(wish, move |(_, overtaken)| {
            let worker = slot.borrow().clone();
            for &task in overtaken {
                let told = worker
                    .as_ref()
                    .map(|worker| worker.post(&Message::Cancel { task }, &[]));
                if let Some(Ok(())) = told {
                    dispatch.dispatch(Action::TaskCancelled { id: task });
                }
            }
        });
    }

    {
        let sources = sources.clone();
        use_effect_with(state.live_sources(), move |live| sources.retain(live));
    }
}

type Slot = Rc<RefCell<Option<Rc<EngineWorker>>>>;

/// Sends the next task of one lane.
#[hook]
fn use_lane(lane: Lane, state: &UseReducerHandle<State>, sources: &Sources, slot: &Slot) {
    let (dispatch, sources, slot) = (state.dispatcher(), sources.clone(), slot.clone());
    let wish = (state.worker.generation, state.next_task(lane));
    use_effect_with(wish, move |(generation, task)| {
        let (generation, worker) = (*generation, slot.borrow().clone());
        if let (Some((id, task)), Some(worker)) = (task.clone(), worker) {
            dispatch.dispatch(Action::TaskStarted {
                id,
                task: task.clone(),
            });
            spawn_local(async move {
                if let Err(problem) = worker.send(id, &task, &sources).await {
                    dispatch.dispatch(Action::TaskFailed {
                        generation,
                        id,
                        problem,
                    });
                }
            });
        }
    });
}
