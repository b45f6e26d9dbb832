//! An optimiser's step on one variable, in place and in f32.

use super::{Address, Kernel, Launch, Source};

/// Threads of a block.
const THREADS: u32 = 256;

/// Changes `value` and `velocity [count]`; before the first step the velocity is zero.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct SgdStep {
    pub value: Address,
    pub velocity: Address,
    pub gradient: Address,
    /// The loss of the step: if it is no number, nothing changes. 0 where there is none.
    pub loss: Address,
    /// `[1]`: the learning rate, read when the step is made, instead of `lr`. 0 where there
    /// is none.
    pub rates: Address,
    pub count: u64,
    pub lr: f32,
    pub momentum: f32,
    pub weight_decay: f32,
}

/// Changes `value` and both moments `[count]`; before the first step these are zero.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AdamWStep {
    pub value: Address,
    pub first: Address,
    pub second: Address,
    pub gradient: Address,
    /// As of [`SgdStep`].
    pub loss: Address,
    /// [`AdamWRates::values`], read when the step is made, instead of `keep`, `rate` and
    /// `correction`. 0 where there is none.
    pub rates: Address,
    pub count: u64,
    pub beta_1: f32,
    /// 1 − beta_1
    pub rest_1: f32,
    pub beta_2: f32,
    /// 1 − beta_2
    pub rest_2: f32,
    /// 1 − lr · weight_decay
    pub keep: f32,
    /// lr / (1 − beta_1^steps)
    pub rate: f32,
    /// 1 / (1 − beta_2^steps)
    pub correction: f32,
    pub epsilon: f32,
}

/// What a step of AdamW is made with, the first being the step 1.
#[derive(Debug, Clone, Copy)]
pub struct AdamWRates {
    pub lr: f64,
    pub betas: (f64, f64),
    pub epsilon: f64,
    pub weight_decay: f64,
    pub steps: i32,
}

impl AdamWRates {
    /// What is another number in each step: `[keep, rate, correction]` of [`AdamWStep`].
    pub fn values(&self) -> [f32; 3] {
        let (beta_1, beta_2) = self.betas;
        let correction_1 = 1.0 - beta_1.powi(self.steps);
        let correction_2 = 1.0 - beta_2.powi(self.steps);
        [
            (1.0 - self.lr * self.weight_decay) as f32,
            (self.lr / correction_1) as f32,
            (1.0 / correction_2) as f32,
        ]
    }
}

impl AdamWStep {
    /// A step of `[value, first, second, gradient]`, each of `count` values.
    pub fn new(operands: [Address; 4], loss: Address, count: usize, rates: AdamWRates) -> Self {
        let [value, first, second, gradient] = operands;
        let (beta_1, beta_2) = rates.betas;
        let [keep, rate, correction] = rates.values();
        Self {
            value,
            first,
            second,
            gradient,
            loss,
            rates: 0,
            count: count as u64,
            beta_1: beta_1 as f32,
            rest_1: (1.0 - beta_1) as f32,
            beta_2: beta_2 as f32,
            rest_2: (1.0 - beta_2) as f32,
            keep,
            rate,
            correction,
            epsilon: rates.epsilon as f32,
        }
    }
}

fn by_values(count: u64) -> Launch {
    Launch {
        threads: THREADS,
        ..Launch::of_blocks(count.div_ceil(THREADS.into()) as u32)
    }
}

impl Kernel for SgdStep {
    const NAME: &'static str = "sgd_step";
    const SOURCE: Source = Source::Optimizer;

    fn launch(&self) -> Launch {
        by_values(self.count)
    }
}

impl Kernel for AdamWStep {
    const NAME: &'static str = "adam_w_step";
    const SOURCE: Source = Source::Optimizer;

    fn launch(&self) -> Launch {
        by_values(self.count)
    }
}
