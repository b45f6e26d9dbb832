//! Learning rates per epoch (KaiyangZhou/Dassl.pytorch `optim/lr_scheduler.py`).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A learning rate for each epoch: a warm-up, then a decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The learning rate after the warm-up.
    pub lr: f64,
    /// Length of the whole training, warm-up included.
    pub epochs: usize,
    pub decay: Decay,
    pub warmup: Option<Warmup>,
}

/// How the learning rate falls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// A half cosine from `lr` to 0.
    Cosine,
    /// Times `factor` at each of these epochs.
    Steps { at: Vec<usize>, factor: f64 },
    /// Times `factor` every `every` epochs.
    Every { every: usize, factor: f64 },
}

/// The learning rate of the first epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Warmup {
    pub epochs: usize,
    pub kind: WarmupKind,
    /// Whether the decay counts its epochs from the end of the warm-up.
    pub recount: bool,
}

/// Constant at a value, or rising evenly from a value to `lr`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarmupKind {
    Constant(f64),
    /// The value of epoch 0; epoch `e` has `lr · e / epochs`.
    Linear(f64),
}

impl Schedule {
    /// CoOp's: one epoch at 1e-5, then a cosine.
    pub fn coop(lr: f64, epochs: usize) -> Self {
        Self {
            lr,
            epochs,
            decay: Decay::Cosine,
            warmup: Some(Warmup {
                epochs: 1,
                kind: WarmupKind::Constant(1e-5),
                recount: true,
            }),
        }
    }

    /// The learning rate of epoch `epoch`, counted from 0.
    ///
    /// As in Dassl, a cosine that counts from the end of the warm-up is still as
    /// long as the whole training, so it does not quite reach 0; one that does
    /// not recount starts at the full `lr` all the same.
    pub fn lr(&self, epoch: usize) -> f64 {
        let Some(warmup) = self.warmup else {
            return self.lr * self.factor(epoch);
        };
        if epoch < warmup.epochs {
            return match warmup.kind {
                WarmupKind::Constant(lr) => lr,
                WarmupKind::Linear(lr) if epoch == 0 => lr,
                WarmupKind::Linear(_) => self.lr * epoch as f64 / warmup.epochs as f64,
            };
        }
        match warmup.recount {
            true => self.lr * self.factor(epoch - warmup.epochs),
            false => self.lr * self.factor(epoch) / self.factor(warmup.epochs),
        }
    }

    /// The share of `lr` after `passed` epochs of decay.
    fn factor(&self, passed: usize) -> f64 {
        match &self.decay {
            Decay::Cosine => 0.5 * (1.0 + (PI * passed as f64 / self.epochs.max(1) as f64).cos()),
            Decay::Steps { at, factor } => {
                let taken = at.iter().filter(|&&step| step <= passed).count();
                factor.powi(taken as i32)
            }
            Decay::Every { every, factor } => factor.powi((passed / (*every).max(1)) as i32),
        }
    }
}

/// A half cosine from `lr` to `lowest` over `steps` steps
/// (`torch.optim.lr_scheduler.CosineAnnealingLR`, stepped for each batch).
pub fn cosine_per_step(lr: f64, lowest: f64, step: usize, steps: usize) -> f64 {
    let passed = step as f64 / steps.max(1) as f64;
    lowest + (lr - lowest) * 0.5 * (1.0 + (PI * passed).cos())
}
