//! Times by part: the spans that the training opens (`decode`, `crop`, `image`, `text`,
//! `backward`, `optimizer`, `replay`, `step`), added up, and written down for Chrome.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tracing::span::Id;
use tracing::{Dispatch, Subscriber, dispatcher};
use tracing_chrome::{ChromeLayerBuilder, FlushGuard};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// The span around a whole step.
const STEP: &str = "step";

/// A part of a training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    pub name: String,
    pub seconds: f64,
    /// How often it was done.
    pub times: usize,
}

/// A listener to spans.
pub(super) struct Timed {
    dispatch: Dispatch,
    times: Times,
    trace: Option<FlushGuard>,
}

/// Seconds of each time that a span was open, by its name.
type Times = Arc<Mutex<BTreeMap<&'static str, Vec<f64>>>>;

impl Timed {
    /// Listens, and writes a trace if a file is given.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn start(trace: Option<&Path>) -> Result<Self> {
        let times = Times::default();
        let sums = Sums(times.clone());
        let registry = Registry::default().with(sums);
        let (dispatch, trace) = match trace {
            None => (Dispatch::new(registry), None),
            Some(path) => {
                let file = std::fs::File::create(path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                let (chrome, guard) = ChromeLayerBuilder::new().writer(file).build();
                (Dispatch::new(registry.with(chrome)), Some(guard))
            }
        };
        Ok(Self {
            dispatch,
            times,
            trace,
        })
    }

    /// Listens to what `work` does, on its threads too.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        // Threads of their own look for the process's listener; there is one in a run
        // of the command, and a second one of a test hears its own thread alone.
        let _ = dispatcher::set_global_default(self.dispatch.clone());
        dispatcher::with_default(&self.dispatch, work)
    }

    /// The parts, longest first, and the seconds of each step.
    pub fn finish(self) -> Result<(Vec<Part>, Vec<f64>)> {
        drop(self.trace);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = times.remove(STEP).unwrap_or_default();
        let mut parts: Vec<Part> = times
            .iter()
            .map(|(name, seconds)| Part {
                name: (*name).into(),
                seconds: seconds.iter().sum(),
                times: seconds.len(),
            })
            .collect();
        parts.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        Ok((parts, steps))
    }
}

/// Adds up how long spans are open.
struct Sums(Times);

/// When a span was entered.
struct Entered(Instant);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Sums {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Entered(Instant::now()));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        let entered = span.extensions_mut().remove::<Entered>();
        if let Some(Entered(since)) = entered {
            let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let seconds = since.elapsed().as_secs_f64();
            times.entry(span.name()).or_default().push(seconds);
        }
    }
}
