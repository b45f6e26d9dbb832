//! Optimisers with PyTorch's arithmetic. Learning rates come with each step.

#[cfg(feature = "cuda")]
mod on_device;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};

use super::State;
use crate::error::Result;

/// Which optimiser, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum OptimizerSettings {
    Sgd {
        momentum: f64,
        weight_decay: f64,
    },
    AdamW {
        betas: (f64, f64),
        epsilon: f64,
        weight_decay: f64,
    },
}

impl OptimizerSettings {
    /// CoOp's: a momentum of 0.9 and a weight decay of 5e-4.
    pub fn coop() -> Self {
        Self::Sgd {
            momentum: 0.9,
            weight_decay: 5e-4,
        }
    }

    /// `torch.optim.AdamW` with this weight decay and its other defaults.
    pub fn adam_w(weight_decay: f64) -> Self {
        Self::AdamW {
            betas: (0.9, 0.999),
            epsilon: 1e-8,
            weight_decay,
        }
    }

    /// An optimiser of `variables` that has not made a step.
    pub fn start(self, variables: Vec<Var>) -> Optimizer {
        match self {
            Self::Sgd {
                momentum,
                weight_decay,
            } => Optimizer::Sgd(Sgd::new(variables, momentum, weight_decay)),
            Self::AdamW {
                betas,
                epsilon,
                weight_decay,
            } => Optimizer::AdamW(AdamW {
                betas,
                epsilon,
                ..AdamW::new(variables, weight_decay)
            }),
        }
    }
}

/// Updates its variables from gradients.
pub enum Optimizer {
    Sgd(Sgd),
    AdamW(AdamW),
}

impl Optimizer {
    /// One step with learning rate `lr`. A variable without a gradient stays.
    pub fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<()> {
        match self {
            Self::Sgd(sgd) => sgd.step(gradients, lr),
            Self::AdamW(adam_w) => adam_w.step(gradients, lr),
        }
    }

    /// What the next step depends on: variables and moments.
    pub fn state(&self) -> Result<State> {
        let mut state = State::default();
        match self {
            Self::Sgd(sgd) => {
                for (at, (variable, velocity)) in sgd.variables.iter().enumerate() {
                    state.put(&key("variable", at), variable.as_tensor())?;
                    if let Some(velocity) = velocity {
                        state.put(&key("velocity", at), velocity)?;
                    }
                }
            }
            Self::AdamW(adam_w) => {
                state.put_number(STEPS, adam_w.steps as u64);
                for (at, (variable, moments)) in adam_w.variables.iter().enumerate() {
                    state.put(&key("variable", at), variable.as_tensor())?;
                    if let Some(Moments { first, second }) = moments {
                        state.put(&key("first_moment", at), first)?;
                        state.put(&key("second_moment", at), second)?;
                    }
                }
            }
        }
        Ok(state)
    }

    /// Puts a saved state back.
    ///
    /// # Errors
    /// [`crate::Error::MissingTensor`], [`crate::Error::TensorShape`] if it is
    /// another optimiser's.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        match self {
            Self::Sgd(sgd) => {
                for (at, (variable, velocity)) in sgd.variables.iter_mut().enumerate() {
                    variable.set(&state.get_like(&key("variable", at), variable)?)?;
                    *velocity = state.find_like(&key("velocity", at), variable)?;
                }
            }
            Self::AdamW(adam_w) => {
                adam_w.steps = state.number(STEPS)? as i32;
                for (at, (variable, moments)) in adam_w.variables.iter_mut().enumerate() {
                    variable.set(&state.get_like(&key("variable", at), variable)?)?;
                    let first = state.find_like(&key("first_moment", at), variable)?;
                    let second = state.find_like(&key("second_moment", at), variable)?;
                    *moments = first
                        .zip(second)
                        .map(|(first, second)| Moments { first, second });
                }
            }
        }
        Ok(())
    }
}

const STEPS: &str = "optimizer.steps";

fn key(what: &str, at: usize) -> String {
    format!("optimizer.{at}.{what}")
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

    /// One step with learning rate `lr`. A variable without a gradient stays.
    pub fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<()> {
        #[cfg(feature = "cuda")]
        if self.step_on_device(gradients, lr, None)? {
            return Ok(());
        }
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

    /// One step with learning rate `lr`. A variable without a gradient stays.
    pub fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<()> {
        #[cfg(feature = "cuda")]
        if self.step_on_device(gradients, lr, None)? {
            return Ok(());
        }
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
