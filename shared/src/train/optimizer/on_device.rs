//! The same steps on a GPU: one kernel for each variable, and nothing that comes back.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::{AdamW, Moments, Optimizer, Sgd};
use crate::error::Result;
use crate::ops::cuda::AdamWRates;
use crate::ops::cuda::device::{adam_w_step, sgd_step, steps_here};

impl Optimizer {
    /// One step, where all variables are on a GPU in f32; whether that is so. If there is a
    /// `loss`, and it is no number, the variables and what is kept beside them stay as they
    /// are.
    pub(in crate::train) fn step_on_device(
        &mut self,
        gradients: &GradStore,
        lr: f64,
        loss: Option<&Tensor>,
    ) -> Result<bool> {
        match self {
            Self::Sgd(sgd) => sgd.step_on_device(gradients, lr, loss),
            Self::AdamW(adam_w) => adam_w.step_on_device(gradients, lr, loss),
        }
    }
}

fn are_here<'a>(mut variables: impl Iterator<Item = &'a Var>) -> bool {
    variables.all(|variable| steps_here(variable))
}

impl Sgd {
    pub(super) fn step_on_device(
        &mut self,
        gradients: &GradStore,
        lr: f64,
        loss: Option<&Tensor>,
    ) -> Result<bool> {
        if !are_here(self.variables.iter().map(|(variable, _)| variable)) {
            return Ok(false);
        }
        for (variable, velocity) in &mut self.variables {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let velocity = match velocity {
                Some(velocity) => velocity,
                None => velocity.insert(variable.zeros_like()?.detach()),
            };
            let gradient = gradient.detach().contiguous()?;
            let operands = [variable.as_tensor(), velocity, &gradient];
            sgd_step(operands, loss, lr, self.momentum, self.weight_decay)?;
        }
        Ok(true)
    }
}

impl AdamW {
    pub(super) fn step_on_device(
        &mut self,
        gradients: &GradStore,
        lr: f64,
        loss: Option<&Tensor>,
    ) -> Result<bool> {
        if !are_here(self.variables.iter().map(|(variable, _)| variable)) {
            return Ok(false);
        }
        self.steps += 1;
        for (variable, moments) in &mut self.variables {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let Moments { first, second } = match moments {
                Some(moments) => moments,
                None => {
                    let zeros = || Ok::<_, candle_core::Error>(variable.zeros_like()?.detach());
                    let (first, second) = (zeros()?, zeros()?);
                    moments.insert(Moments { first, second })
                }
            };
            let gradient = gradient.detach().contiguous()?;
            let decays = self.decay_vectors || variable.rank() >= 2;
            let rates = AdamWRates {
                lr,
                betas: self.betas,
                epsilon: self.epsilon,
                weight_decay: if decays { self.weight_decay } else { 0.0 },
                steps: self.steps,
            };
            adam_w_step(
                [variable.as_tensor(), first, second, &gradient],
                loss,
                rates,
            )?;
        }
        Ok(true)
    }
}
