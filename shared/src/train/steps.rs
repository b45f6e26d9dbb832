//! The steps of a training whose work is the same for every batch of a shape: on a GPU it is
//! recorded and replayed.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

#[cfg(feature = "cuda")]
use super::replay::Replay;
use super::targets::Answered;
use super::{Optimizer, StepReport, Targets, update};
use crate::error::Result;

/// How the steps of a training are made.
#[derive(Default)]
pub(super) struct Steps {
    #[cfg(feature = "cuda")]
    replay: Replay,
}

impl Steps {
    /// A step on a batch. `answer` gives its loss and gradients; it depends on nothing but
    /// its arguments and on what the optimiser changes, and neither waits for the device nor
    /// keeps a tensor.
    pub fn step(
        &mut self,
        optimizer: &mut Optimizer,
        (input, targets): (&Tensor, &Targets),
        lr: f64,
        answer: impl Fn(&Tensor, &Targets) -> Result<(Answered, GradStore)>,
    ) -> Result<StepReport> {
        #[cfg(feature = "cuda")]
        if input.device().is_cuda() {
            return self.replay.step(optimizer, (input, targets), lr, answer);
        }
        update(optimizer, answer(input, targets)?, lr)
    }

    /// Whether steps that come again are recorded from now on. What was is forgotten.
    pub fn record(&mut self, is_recorded: bool) {
        #[cfg(feature = "cuda")]
        self.replay.start_over(is_recorded);
        #[cfg(not(feature = "cuda"))]
        let _ = is_recorded;
    }

    /// Forgets what was recorded, since the optimiser's state lies elsewhere now.
    pub fn start_over(&mut self) {
        #[cfg(feature = "cuda")]
        self.replay.start_over(self.replay.is_on());
    }
}
