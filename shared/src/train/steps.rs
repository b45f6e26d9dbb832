//! The optimiser of a training whose work is the same for every batch of a shape: on a GPU a
//! step is recorded and replayed.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

#[cfg(feature = "cuda")]
use super::replay::Replay;
use super::targets::Answered;
use super::{Optimizer, State, StepReport, Targets, update};
use crate::error::Result;

/// What a step is made on.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub input: &'a Tensor,
    pub targets: &'a Targets,
    /// The keys of random numbers that are others in each step.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code))]
    pub keys: &'a [[u32; 8]],
}

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
    /// keeps a tensor. The keys of what it draws at random are those of `batch`, or, where
    /// it is given a tensor `[keys, 8]` in u32, those that lie there when the work is done.
    pub fn step(
        &mut self,
        batch: Batch<'_>,
        lr: f64,
        answer: impl Fn(&Tensor, &Targets, Option<&Tensor>) -> Result<(Answered, GradStore)>,
    ) -> Result<StepReport> {
        #[cfg(feature = "cuda")]
        if batch.input.device().is_cuda() {
            return self.replay.step(&mut self.optimizer, batch, lr, answer);
        }
        let answer = answer(batch.input, batch.targets, None)?;
        update(&mut self.optimizer, answer, lr)
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
