//! The layers that blocks are made of, with what a backward pass of their own needs.

use candle_core::{Result, Tensor};

use super::layer_norm::{gradient_of_x, layer_norm};
use super::{Then, Weight, is_cpu_f32};

/// `y = x·Wᵀ + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    pub weight: Weight, // [out, in]
    pub bias: Tensor,   // [out]
}

impl Linear {
    /// `[.., in]` → `[.., out]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_then(x, Then::Nothing)
    }

    /// The same and what follows it, in one go where no gradient comes back.
    pub fn forward_then(&self, x: &Tensor, then: Then<'_>) -> Result<Tensor> {
        self.weight.linear_then(x, Some(&self.bias), then)
    }

    /// The same layer with its weight by rows: see [`Weight::into_rows`].
    pub fn by_rows(self) -> Result<Self> {
        Ok(Self {
            weight: self.weight.into_rows()?,
            ..self
        })
    }

    /// The layer that gives `count` of the outputs, from `first` on.
    pub fn outputs(&self, first: usize, count: usize) -> Result<Self> {
        Ok(Self {
            weight: self.weight.outputs(first, count)?,
            bias: self.bias.narrow(0, first, count)?,
        })
    }

    /// Adds `change [out, in]` to the weight, if there is one.
    pub fn add(&mut self, change: Option<Tensor>) -> Result<()> {
        if let Some(change) = change {
            let weight = self.weight.values()?;
            let change = change.to_dtype(weight.dtype())?;
            self.weight = Weight::new((weight + change)?)?;
        }
        Ok(())
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.weight.is_frozen() && !self.bias.track_op()
    }
}

/// Normalisation over the columns.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    pub weight: Tensor, // [width]
    pub bias: Tensor,   // [width]
    /// Added to the variance.
    pub epsilon: f64,
}

impl LayerNorm {
    /// `[.., width]` → `[.., width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.weight, &self.bias, self.epsilon)
    }

    /// The gradient of `x`, given that of what [`Self::forward`] makes of it.
    pub(super) fn gradient(&self, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        gradient_of_x(x, &self.weight, grad, self.epsilon as f32)
    }

    pub(super) fn is_frozen(&self) -> bool {
        !self.weight.track_op() && !self.bias.track_op()
    }
}

/// Whether layers that take `x` can have a backward pass of their own, which gives no
/// gradients of weights.
pub(super) fn goes_alone(x: &Tensor, norm: &LayerNorm, linear: [&Linear; 2]) -> bool {
    is_cpu_f32(x) && norm.is_frozen() && linear.into_iter().all(Linear::is_frozen)
}
