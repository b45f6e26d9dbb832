//! Learning rates per epoch (Dassl `optim/lr_scheduler.py`).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Constant learning rate for the first epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Warmup {
    pub epochs: usize,
    pub lr: f64,
}

/// A half cosine from `lr` to 0 over `epochs`, after an optional warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CosineSchedule {
    pub lr: f64,
    pub epochs: usize,
    pub warmup: Option<Warmup>,
}

impl CosineSchedule {
    /// The learning rate of epoch `epoch`, counted from 0.
    ///
    /// As in Dassl, the cosine counts epochs since the warm-up but is as long as
    /// the whole training: it does not quite reach 0.
    pub fn lr(&self, epoch: usize) -> f64 {
        let passed = match self.warmup {
            Some(warmup) if epoch < warmup.epochs => return warmup.lr,
            Some(warmup) => epoch - warmup.epochs,
            None => epoch,
        };
        0.5 * self.lr * (1.0 + (PI * passed as f64 / self.epochs.max(1) as f64).cos())
    }
}
