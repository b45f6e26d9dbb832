//! Calls of a function on a GPU: the first of a shape is made plainly, the second recorded,
//! and replayed for all others.

use std::fmt::Display;

use candle_core::{Error, Tensor};
use tracing::{debug, trace_span, warn};

use super::graph::{Recording, warmed_up};

/// Shapes that are recorded.
const MOST: usize = 2;

/// What is known of the calls so far.
#[derive(Default)]
pub struct Turns {
    is_off: bool,
    /// What came once, and what became of it.
    seen: Vec<[Tensor; 2]>,
    recorded: Vec<Recorded>,
}

impl Turns {
    pub fn new(is_on: bool) -> Self {
        Self {
            is_off: !is_on,
            ..Self::default()
        }
    }

    /// As of `ops::Replayed::call`.
    pub fn call<E: From<Error> + Display>(
        &mut self,
        x: &Tensor,
        function: impl Fn(&Tensor) -> Result<Tensor, E>,
    ) -> Result<Tensor, E> {
        if let Some(recorded) = self.recorded.iter().find(|it| are_alike(&it.x, x)) {
            return Ok(recorded.replay(x)?);
        }
        if self.is_off {
            return function(x);
        }
        let Some([_, y]) = self.seen.iter().find(|[seen, _]| are_alike(seen, x)) else {
            let y = warmed_up(x.device(), || function(x))??;
            if self.seen.len() < MOST {
                self.seen.push([x.clone(), y.zeros_like()?]);
            }
            return Ok(y);
        };
        match Recorded::new(x, y, &function) {
            Ok(recorded) => {
                debug!(tally = ?recorded.recording.tally(), "a function is recorded");
                let y = recorded.replay(x)?;
                self.recorded.push(recorded);
                Ok(y)
            }
            Err(error) => {
                warn!(%error, "a function is not recorded; it goes on as it did");
                *self = Self::new(false);
                function(x)
            }
        }
    }
}

fn are_alike(a: &Tensor, b: &Tensor) -> bool {
    (a.shape(), a.dtype()) == (b.shape(), b.dtype())
}

/// A function, and where it reads and writes.
struct Recorded {
    recording: Recording,
    x: Tensor,
    y: Tensor,
}

impl Recorded {
    /// Records a call with a tensor like `x`, which gives one like `y`, without making it.
    fn new<E: From<Error>>(
        x: &Tensor,
        y: &Tensor,
        function: impl Fn(&Tensor) -> Result<Tensor, E>,
    ) -> Result<Self, E> {
        let (x, y) = (x.force_contiguous()?.detach(), y.zeros_like()?);
        let recording = Recording::of(x.device(), || {
            y.slice_set(&function(&x)?.contiguous()?, 0, 0)?;
            Ok::<_, E>(())
        })?;
        Ok(Self { recording, x, y })
    }

    fn replay(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let _span = trace_span!("replay").entered();
        self.x.slice_set(&x.contiguous()?.detach(), 0, 0)?;
        self.recording.replay()?;
        self.y.copy()
    }
}
