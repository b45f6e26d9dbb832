//! The worker's side for pages that may share memory: the same, with relaxed SIMD and a
//! thread for each processor. It is of use only where it was built with atomics.

fn main() {
    #[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
    threads::main();
}

#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
mod threads {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{LazyLock, Mutex, PoisonError};

    use js_sys::{Array, Object, Promise, Reflect};
    use rayon::{ThreadBuilder, ThreadPoolBuilder};
    use wasm_bindgen::prelude::wasm_bindgen;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{DedicatedWorkerGlobalScope, Worker, WorkerOptions, WorkerType};

    /// Each thread starts the module; the first one is the worker.
    static IS_STARTED: AtomicBool = AtomicBool::new(false);

    type Channel<T> = (Sender<T>, Mutex<Receiver<T>>);

    /// What threads are to do, one after another of them.
    static TO_DO: LazyLock<Channel<ThreadBuilder>> = LazyLock::new(|| {
        let (sender, receiver) = channel();
        (sender, Mutex::new(receiver))
    });

    pub fn main() {
        console_error_panic_hook::set_once();
        if IS_STARTED.swap(true, Ordering::Relaxed) {
            return;
        }
        clipwright_shared::ops::use_relaxed_simd();
        spawn_local(async {
            if let Err(error) = start().await {
                // Without them all is done here.
                web_sys::console::warn_2(&"clipwright has no threads:".into(), &error);
            }
            clipwright_web::worker::run();
        });
    }

    /// What `worker_thread.js` does once it has told that it is ready: it is one thread of
    /// the pool from now on.
    #[wasm_bindgen]
    pub fn run_thread() {
        let to_do = {
            let receiver = TO_DO.1.lock().unwrap_or_else(PoisonError::into_inner);
            receiver.recv()
        };
        if let Ok(thread) = to_do {
            thread.run();
        }
    }

    /// Starts a thread for each processor, and the pool of them when all are there: while
    /// this worker waits for one, the browser would not start it.
    async fn start() -> Result<(), JsValue> {
        let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
        let count = scope.navigator().hardware_concurrency().max(1.0) as usize;
        let address = format!("worker_thread.js{}", scope.location().search());
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let first = Object::new();
        Reflect::set(&first, &"module".into(), &wasm_bindgen::module())?;
        Reflect::set(&first, &"memory".into(), &wasm_bindgen::memory())?;
        let mut workers = Vec::new();
        let ready = Array::new();
        for _ in 0..count {
            let worker = Worker::new_with_options(&address, &options)?;
            worker.post_message(&first)?;
            ready.push(&Promise::new(&mut |resolve, reject| {
                worker.set_onmessage(Some(&resolve));
                worker.set_onerror(Some(&reject));
            }));
            workers.push(worker);
        }
        if let Err(error) = JsFuture::from(Promise::all(&ready)).await {
            workers.iter().for_each(Worker::terminate);
            return Err(error);
        }
        // A browser may end one that nobody refers to.
        std::mem::forget(workers);
        let give = |thread| {
            let sent = TO_DO.0.send(thread);
            sent.map_err(|_| std::io::Error::other("nobody receives it"))
        };
        let pool = ThreadPoolBuilder::new().num_threads(count);
        let built = pool.spawn_handler(give).build_global();
        built.map_err(|error| error.to_string().into())
    }
}
