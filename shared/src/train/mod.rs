//! Learning: optimisers, schedules, and one step of it.

mod cocoop;
mod coop;
mod lora;
mod optimizer;
mod schedule;

pub use cocoop::CoCoOpTrainer;
pub use coop::{CoopTrainer, StepReport, image_features};
pub use lora::LoraTrainer;
pub use optimizer::{AdamW, Optimizer, Sgd};
pub use schedule::{Decay, Schedule, Warmup, WarmupKind, cosine_per_step};

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
