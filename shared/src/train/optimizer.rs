//! Optimisers with PyTorch's arithmetic. Learning rates come with each step.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use crate::error::Result;

/// Updates its variables from gradients.
pub trait Optimizer {
    /// One step with learning rate `lr`. A variable without a gradient stays.
    fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<()>;
}

/// Stochastic gradient descent with momentum and weight decay
/// (`torch.optim.SGD`, dampening 0, no Nesterov).
pub struct Sgd {
    variables: Vec<(Var, Option<Tensor>)>,
    pub momentum: f64,
    pub weight_decay: f64,
}

impl Sgd {
    pub fn new(variables: Vec<Var>, momentum: f64, weight_decay: f64) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|variable| (variable, None))
                .collect(),
            momentum,
            weight_decay,
        }
    }
}

impl Optimizer for Sgd {
    fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<()> {
        for (variable, velocity) in &mut self.variables {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let value = variable.as_tensor().detach();
            let gradient = (gradient.detach() + (&value * self.weight_decay)?)?;
            let next = match velocity.take() {
                Some(velocity) => ((velocity * self.momentum)? + gradient)?,
                None => gradient,
            };
            variable.set(&(value - (&next * lr)?)?)?;
            *velocity = Some(next);
        }
        Ok(())
    }
}

/// Adam with decoupled weight decay (`torch.optim.AdamW`). Variables of fewer
/// than two dimensions (biases, norms, scales) are decayed only if
/// `decay_vectors` is set, which PyTorch's default does.
pub struct AdamW {
    variables: Vec<(Var, Option<Moments>)>,
    pub betas: (f64, f64),
    pub epsilon: f64,
    pub weight_decay: f64,
    pub decay_vectors: bool,
    steps: i32,
}

struct Moments {
    first: Tensor,
    second: Tensor,
}

impl AdamW {
    pub fn new(variables: Vec<Var>, weight_decay: f64) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|variable| (variable, None))
                .collect(),
            betas: (0.9, 0.999),
            epsilon: 1e-8,
            weight_decay,
            decay_vectors: true,
            steps: 0,
        }
    }
}

impl Optimizer for AdamW {
    fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<()> {
        self.steps += 1;
        let (beta_1, beta_2) = self.betas;
        let correction_1 = 1.0 - beta_1.powi(self.steps);
        let correction_2 = 1.0 - beta_2.powi(self.steps);
        for (variable, moments) in &mut self.variables {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let gradient = gradient.detach();
            let first = (&gradient * (1.0 - beta_1))?;
            let second = (gradient.sqr()? * (1.0 - beta_2))?;
            let (first, second) = match moments.take() {
                Some(old) => (
                    ((old.first * beta_1)? + first)?,
                    ((old.second * beta_2)? + second)?,
                ),
                None => (first, second),
            };
            let decays = self.decay_vectors || variable.rank() >= 2;
            let decay = if decays { self.weight_decay } else { 0.0 };
            let value = (variable.as_tensor().detach() * (1.0 - lr * decay))?;
            let scale = ((&second / correction_2)?.sqrt()? + self.epsilon)?;
            let update = ((&first * (lr / correction_1))? / scale)?;
            variable.set(&(value - update)?)?;
            *moments = Some(Moments { first, second });
        }
        Ok(())
    }
}
