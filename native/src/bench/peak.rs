//! The most memory that this process holds over a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// Time between looks.
const BETWEEN: Duration = Duration::from_millis(20);

/// A thread that looks again and again.
pub(super) struct Peak {
    most: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Peak {
    pub fn watch() -> Self {
        let (most, over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let thread = {
            let (most, over) = (most.clone(), over.clone());
            thread::spawn(move || {
                let (Ok(own), Ok(mut system)) = (get_current_pid(), System::new()) else {
                    return;
                };
                while !over.load(Ordering::Relaxed) {
                    let kind = ProcessRefreshKind::nothing().with_memory();
                    let list = ProcessesToUpdate::Some(&[own]);
                    system.refresh_processes_specifics(list, false, kind);
                    let bytes = system.process(own).map_or(0, |process| process.memory());
                    most.fetch_max(bytes, Ordering::Relaxed);
                    thread::sleep(BETWEEN);
                }
            })
        };
        Self { most, over, thread }
    }

    /// The most bytes since [`Self::watch`].
    pub fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        // A thread that broke down has seen what it has seen.
        let _ = self.thread.join();
        self.most.load(Ordering::Relaxed)
    }
}
