//! Learning: optimisers, schedules, and one step of it.

mod coop;
mod optimizer;
mod schedule;

pub use coop::{CoopTrainer, StepReport, image_features};
pub use optimizer::{AdamW, Optimizer, Sgd};
pub use schedule::{Decay, Schedule, Warmup, WarmupKind};

use crate::error::{Error, Result};

/// # Errors
/// [`Error::Setting`] if a training's loss is no longer a number. Called before
/// the update, so that what is learned keeps its last good value.
pub fn check_loss(loss: f32) -> Result<()> {
    match loss.is_finite() {
        true => Ok(()),
        false => Err(Error::setting("the loss", loss, "a number; try a lower lr")),
    }
}
