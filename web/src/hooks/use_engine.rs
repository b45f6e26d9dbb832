//! The worker's life: started once, started again when it dies, and given one
//! task at a time.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::prelude::*;

use super::Sources;
use crate::envelope::{read_event, request_message};
use crate::state::{Action, Problem, State, Task};

/// What trunk names the worker's loader (`data-bin="worker" data-loader-shim`).
const WORKER_URL: &str = "./worker_loader.js";

/// A running worker; dropping it ends it.
struct EngineWorker {
    worker: Worker,
    _listeners: [EventListener; 3],
}

impl EngineWorker {
    fn start(generation: u32, dispatch: &UseReducerDispatcher<State>) -> Result<Self, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker =
            Worker::new_with_options(WORKER_URL, &options).map_err(|error| format!("{error:?}"))?;
        let on_message = {
            let dispatch = dispatch.clone();
            EventListener::new(&worker, "message", move |message| {
                let message: &MessageEvent = message.unchecked_ref();
                dispatch.dispatch(match read_event(&message.data()) {
                    Ok((event, milliseconds)) => Action::WorkerSaid {
                        generation,
                        event,
                        milliseconds,
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

    async fn send(&self, task: &Task, sources: &Sources) -> Result<(), Problem> {
        let bytes = match task.source() {
            Some(source) => Some(sources.bytes(source).await?),
            None => None,
        };
        let not_sent = |error: String| {
            Problem::new(
                format!("the worker cannot be reached: {error}"),
                "reload the page",
            )
        };
        let (message, transfer) =
            request_message(&task.request(), bytes.as_ref()).map_err(not_sent)?;
        self.worker
            .post_message_with_transfer(&message, &transfer)
            .map_err(|error| not_sent(format!("{error:?}")))
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
    let slot: Rc<RefCell<Option<Rc<EngineWorker>>>> = use_mut_ref(|| None);
    let dispatch = state.dispatcher();

    {
        let (slot, dispatch) = (slot.clone(), dispatch.clone());
        use_effect_with(state.worker.generation, move |&generation| {
            match EngineWorker::start(generation, &dispatch) {
                Ok(worker) => *slot.borrow_mut() = Some(Rc::new(worker)),
                Err(reason) => dispatch.dispatch(Action::WorkerDied { generation, reason }),
            }
            move || drop(slot.borrow_mut().take())
        });
    }

    {
        let sources = sources.clone();
        let wish = (state.worker.generation, state.next_task());
        use_effect_with(wish, move |(generation, task)| {
            let (generation, worker) = (*generation, slot.borrow().clone());
            if let (Some(task), Some(worker)) = (task.clone(), worker) {
                dispatch.dispatch(Action::TaskStarted(task.clone()));
                spawn_local(async move {
                    if let Err(problem) = worker.send(&task, &sources).await {
                        dispatch.dispatch(Action::TaskFailed {
                            generation,
                            problem,
                        });
                    }
                });
            }
        });
    }

    {
        let sources = sources.clone();
        use_effect_with(state.live_sources(), move |live| sources.retain(live));
    }
}
