//! Learning: optimisers, schedules, and one step of it.

mod cocoop;
mod coop;
mod lora;
mod optimizer;
mod schedule;

pub use cocoop::CoCoOpTrainer;
pub use coop::{CoopTrainer, image_features};
pub use lora::LoraTrainer;
pub use optimizer::{AdamW, Optimizer, Sgd};
pub use schedule::{Decay, Schedule, Warmup, WarmupKind, cosine_per_step};

use candle_core::{D, DType, Tensor};

use crate::error::{Error, Result};
use crate::ops::cross_entropy;

/// What a step saw, before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Mean cross-entropy of the batch, in nats.
    pub loss: f32,
    /// Images of the batch whose highest logit was their label's.
    pub correct: usize,
}

/// One step of any method: cross-entropy of `logits [B, n_classes]` with labels
/// `[B]` (u32), and the update. Nothing is updated by a loss that is no number.
fn update(
    optimizer: &mut impl Optimizer,
    logits: &Tensor,
    labels: &Tensor,
    lr: f64,
) -> Result<StepReport> {
    let loss = cross_entropy(logits, labels)?;
    let report = StepReport {
        loss: loss.to_scalar()?,
        correct: correct(logits, labels)?,
    };
    check_loss(report.loss)?;
    optimizer.step(&loss.backward()?, lr)?;
    Ok(report)
}

/// How many rows of `logits [B, n_classes]` are highest at their label.
fn correct(logits: &Tensor, labels: &Tensor) -> Result<usize> {
    let hits = logits
        .argmax(D::Minus1)?
        .eq(&labels.to_dtype(DType::U32)?)?;
    Ok(hits.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()? as usize)
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
