//! The optimiser of a training whose work is the same for every batch of a shape: on a GPU a
//! step is recorded and replayed.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

#[cfg(feature = "cuda")]
use super::replay::Replay;
use super::targets::Answered;
use super::{Optimizer, State, StepReport, Targets, update};
use crate::error::Result;

/// How the steps of a training are made.
pub(super) struct Steps {
    optimizer: Optimizer,
    #[cfg(feature = "cuda")]
    replay: Replay,
}

impl Steps {
    pub fn of(optimizer: Optimizer) -> Self {
        Self {
            optimizer,
            #[cfg(feature = "cuda")]
            replay: Replay::default(),
        }
    }

    /// A step on a batch. `answer` gives its loss and gradients; it depends on nothing but
    /// its arguments and on what the optimiser changes, and neither waits for the device nor
    /// keeps a tensor.
    pub fn step(
        &mut self,
        (input, targets): (&Tensor, &Targets),
        lr: f64,
        answer: impl Fn(&Tensor, &Targets) -> Result<(Answered, GradStore)>,
    ) -> Result<StepReport> {
        #[cfg(feature = "cuda")]
        if input.device().is_cuda() {
            let batch = (input, targets);
            return self.replay.step(&mut self.optimizer, batch, lr, answer);
        }
        update(&mut self.optimizer, answer(input, targets)?, lr)
    }

    /// Whether steps that come again are recorded from now on. What was is forgotten.
    pub fn record(&mut self, is_recorded: bool) {
        #[cfg(feature = "cuda")]
        self.replay.start_over(is_recorded);
        #[cfg(not(feature = "cuda"))]
        let _ = is_recorded;
    }

    /// All that later steps depend on.
    pub fn state(&self) -> Result<State> {
        self.optimizer.state()
    }

    /// Goes back to a state. What was recorded is forgotten, since the optimiser's lies
    /// elsewhere now.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        #[cfg(feature = "cuda")]
        self.replay.start_over(self.replay.is_on());
        self.optimizer.restore(state)
    }
}
