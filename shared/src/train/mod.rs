//! Learning: optimisers, schedules, and one step of it.

mod coop;
mod optimizer;
mod schedule;

pub use coop::{CoopTrainer, StepReport, image_features};
pub use optimizer::{AdamW, Optimizer, Sgd};
pub use schedule::{Decay, Schedule, Warmup, WarmupKind};
