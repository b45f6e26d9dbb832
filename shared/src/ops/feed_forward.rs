//! The feed-forward half of a block.

use candle_core::{Result, Tensor};

use super::layers::{LayerNorm, Linear, goes_alone};
use super::own_gradient::with_gradient;
use super::{Activation, Then};

/// Two linear layers around an activation, behind a LayerNorm and a shortcut.
#[derive(Debug, Clone)]
pub struct FeedForward {
    pub norm: LayerNorm,
    pub first: Linear, // width → hidden
    pub activation: Activation,
    pub second: Linear, // hidden → width
}

impl FeedForward {
    /// `x + second(activation(first(norm(x))))`: `[R, width]` → `[R, width]`.
    ///
    /// Where the layers are frozen only what the activation takes is kept for the
    /// backward pass.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if !x.track_op() || !goes_alone(x, &self.norm, [&self.first, &self.second]) {
            let activation = Then::Activation(self.activation);
            let normed = self.norm.forward(x)?;
            let hidden = self.first.forward_then(&normed, activation)?;
            return self.second.forward_then(&hidden, Then::Add(x));
        }
        let input = x.detach();
        let hidden = self.first.forward(&self.norm.forward(&input)?)?;
        let activated = self.activation.forward(&hidden)?;
        let y = self.second.forward_then(&activated, Then::Add(&input))?;
        let layers = self.clone();
        with_gradient(y, [x], move |grad| {
            let of_hidden = layers.second.weight.times(grad)?;
            let of_hidden = layers.activation.gradient(&hidden, &of_hidden)?;
            let of_normed = layers.first.weight.times(&of_hidden)?;
            Ok([Some((grad + layers.norm.gradient(&input, &of_normed)?)?)])
        })
    }
}
