//! Learning: optimisers, schedules, and one step of it.

mod c_search;
mod cocoop;
mod coop;
mod labelled;
mod lbfgs;
mod logistic_regression;
mod lora;
mod memory;
mod optimizer;
mod order;
mod parts;
#[cfg(feature = "cuda")]
mod replay;
mod schedule;
mod state;
mod steps;
mod targets;

pub use c_search::{BestC, FIRST_C, HALVINGS, Trial, search_c};
pub use cocoop::CoCoOpTrainer;
pub use coop::{CoopTrainer, image_features};
pub use labelled::Labelled;
pub use logistic_regression::{Fit, LogisticRegression};
pub use lora::{LoraTrainer, LoraTraining};
pub use memory::prompts_at_once;
pub use optimizer::{AdamW, Optimizer, OptimizerSettings, Sgd};
pub use order::{epoch_batches, steps_per_epoch};
pub use schedule::{Decay, Schedule, Warmup, WarmupKind, cosine_per_step};
pub use state::State;
pub use targets::{Mix, Targets};

use candle_core::Tensor;
use candle_core::backprop::GradStore;
use tracing::trace_span;

use crate::error::{Error, Result};
use crate::learners::Learner;
use targets::Answered;

/// What a learner in training is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Normalised image features `[B, embed_dim]`: its image encoder is frozen, so
    /// they can be computed ahead of the steps.
    Features,
    /// Normalised pixels `[B, 3, side, side]`: it learns inside the image encoder.
    Pixels,
}

/// A learner in training.
pub trait Trainer {
    /// What [`Self::step`] takes.
    fn input(&self) -> Input;

    /// One step on a batch.
    ///
    /// # Errors
    /// [`Error::Setting`] if the loss is no longer a number; what is learned then
    /// keeps its last good value.
    fn step(&mut self, input: &Tensor, targets: &Targets, lr: f64) -> Result<StepReport>;

    /// Whether steps that come again with a batch of the same shape are recorded on a GPU
    /// and replayed, where the method can. They are, if nobody says otherwise.
    fn record(&mut self, _is_recorded: bool) {}

    /// A copy of what has been learned so far.
    fn learner(&self) -> Result<Learner>;

    /// All that later steps depend on.
    fn state(&self) -> Result<State>;

    /// Goes back to a state of this very training.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`], [`Error::Format`] if it is
    /// another's.
    fn restore(&mut self, state: &State) -> Result<()>;
}

/// What a step saw, before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The loss of the batch, in nats.
    pub loss: f32,
    /// Images of the batch whose highest logit was their label's.
    pub correct: usize,
}

/// The update of any method. Nothing is updated by a loss that is no number.
fn update(
    optimizer: &mut Optimizer,
    (answered, gradients): (Answered, GradStore),
    lr: f64,
) -> Result<StepReport> {
    // A GPU looks at the loss itself. So all of the step is on its way before the only
    // numbers that come back are waited for.
    #[cfg(feature = "cuda")]
    let is_updated = {
        let _span = trace_span!("optimizer").entered();
        optimizer.step_on_device(&gradients, lr, Some(&answered.loss))?
    };
    #[cfg(not(feature = "cuda"))]
    let is_updated = false;
    let loss = answered.loss.to_scalar()?;
    check_loss(loss)?;
    let correct = answered.hits.to_scalar::<f32>()? as usize;
    if !is_updated {
        let _span = trace_span!("optimizer").entered();
        optimizer.step(&gradients, lr)?;
    }
    Ok(StepReport { loss, correct })
}

/// # Errors
/// [`Error::Setting`] if a training's loss is no longer a number. Called before
/// the update, so that what is learned keeps its last good value.
pub fn check_loss(loss: f32) -> Result<()> {
    match loss.is_finite() {
        true => Ok(()),
        false => Err(Error::setting("the loss", loss, "a number; try a lower lr")),
    }
}
