//! The same steps on a GPU: one kernel for each variable, and nothing that comes back. They
//! can be recorded, and then read what is another number in each step from the device.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::{AdamW, Moments, Optimizer, Sgd};
use crate::error::Result;
use crate::ops::cuda::AdamWRates;
use crate::ops::cuda::device::{Beside, adam_w_step, sgd_step, steps_here};

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

    /// What a step with this learning rate reads, if it is the next one: for a step that has
    /// been recorded.
    pub(in crate::train) fn next_rates(&self, lr: f64) -> Vec<f32> {
        match self {
            Self::Sgd(_) => vec![lr as f32],
            Self::AdamW(adam_w) => {
                let next = |decay| adam_w.rates(lr, decay, adam_w.steps + 1).values();
                [next(adam_w.weight_decay), next(0.0)].concat()
            }
        }
    }

    /// Tells the device the same step, to be recorded: it reads [`Self::next_rates`] from
    /// `rates` whenever it is made. Nothing changes here; [`Self::stepped`] does that.
    ///
    /// # Errors
    /// If the variables are not all on a GPU in f32, or one has a gradient and has made no
    /// step.
    pub(in crate::train) fn tell_step(
        &self,
        gradients: &GradStore,
        rates: &Tensor,
        loss: &Tensor,
    ) -> Result<()> {
        let beside = |rates| Beside {
            loss: Some(loss),
            rates: Some(rates),
        };
        match self {
            Self::Sgd(sgd) => sgd.tell_step(gradients, beside(rates)),
            Self::AdamW(adam_w) => {
                let [decaying, others] = [rates.narrow(0, 0, 3)?, rates.narrow(0, 3, 3)?];
                adam_w.tell_step(gradients, [beside(&decaying), beside(&others)])
            }
        }
    }

    /// Counts a step that was made by what has been recorded.
    pub(in crate::train) fn stepped(&mut self) {
        match self {
            Self::Sgd(_) => {}
            Self::AdamW(adam_w) => adam_w.steps += 1,
        }
    }
}

fn are_here<'a>(mut variables: impl Iterator<Item = &'a Var>) -> bool {
    variables.all(|variable| steps_here(variable))
}

fn no_step_yet() -> candle_core::Error {
    candle_core::Error::Msg("a variable has made no step yet".into())
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
            if velocity.is_none() && gradients.get(variable).is_some() {
                *velocity = Some(variable.zeros_like()?.detach());
            }
        }
        self.launch(gradients, Beside { loss, rates: None }, lr)?;
        Ok(true)
    }

    fn tell_step(&self, gradients: &GradStore, beside: Beside<'_>) -> Result<()> {
        self.launch(gradients, beside, 0.0)
    }

    fn launch(&self, gradients: &GradStore, beside: Beside<'_>, lr: f64) -> Result<()> {
        for (variable, velocity) in &self.variables {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let velocity = velocity.as_ref().ok_or_else(no_step_yet)?;
            let gradient = gradient.detach().contiguous()?;
            let operands = [variable.as_tensor(), velocity, &gradient];
            sgd_step(operands, beside, lr, self.momentum, self.weight_decay)?;
        }
        Ok(())
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
            if moments.is_none() && gradients.get(variable).is_some() {
                let zeros = || Ok::<_, candle_core::Error>(variable.zeros_like()?.detach());
                let (first, second) = (zeros()?, zeros()?);
                *moments = Some(Moments { first, second });
            }
        }
        self.launch(gradients, [Beside { loss, rates: None }; 2], lr)?;
        Ok(true)
    }

    fn tell_step(&self, gradients: &GradStore, beside: [Beside<'_>; 2]) -> Result<()> {
        self.launch(gradients, beside, 0.0)
    }

    /// What is read beside a variable that decays, and beside one that does not.
    fn launch(&self, gradients: &GradStore, beside: [Beside<'_>; 2], lr: f64) -> Result<()> {
        let [decaying, others] = beside;
        for (variable, moments) in &self.variables {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let Moments { first, second } = moments.as_ref().ok_or_else(no_step_yet)?;
            let gradient = gradient.detach().contiguous()?;
            let (beside, decay) = match self.decay_vectors || variable.rank() >= 2 {
                true => (decaying, self.weight_decay),
                false => (others, 0.0),
            };
            let operands = [variable.as_tensor(), first, second, &gradient];
            adam_w_step(operands, beside, self.rates(lr, decay, self.steps))?;
        }
        Ok(())
    }

    fn rates(&self, lr: f64, weight_decay: f64, steps: i32) -> AdamWRates {
        AdamWRates {
            lr,
            betas: self.betas,
            epsilon: self.epsilon,
            weight_decay,
            steps,
        }
    }
}
