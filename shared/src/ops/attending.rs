//! The attention half of a block.

use candle_core::{Result, Tensor};

use super::attention::{self_attention, self_attention_gradient};
use super::layers::{LayerNorm, Linear, goes_alone};
use super::low_rank::LowRanks;
use super::own_gradient::with_gradient;
use super::{Sequences, Then};

/// Attention between two linear layers, behind a LayerNorm and a shortcut.
#[derive(Debug, Clone)]
pub struct Attending {
    pub norm: LayerNorm,
    pub in_proj: Linear,  // width → 3·width: queries, keys, values
    pub out_proj: Linear, // width → width
    pub heads: usize,
    /// Whether a row sees only those before it.
    pub causal: bool,
}

impl Attending {
    /// Whether [`Self::forward`] can compute on `x`.
    pub fn goes_alone(&self, x: &Tensor) -> bool {
        goes_alone(x, &self.norm, [&self.in_proj, &self.out_proj])
    }

    /// `x + out_proj(attention(in_proj(norm(x))))`, `[R, width]` → `[R, width]`, with
    /// `added` beside the projections; differentiable in `x` and these.
    ///
    /// Of frozen layers only queries, keys and values are kept for the backward pass.
    pub fn forward(
        &self,
        x: &Tensor,
        sequences: &Sequences,
        added: Option<&LowRanks>,
    ) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let matrices = added;
        let added = match matrices {
            Some(added) => Some(added.drawn(rows, width)?),
            None => None,
        };
        let input = x.detach();
        let normed = self.norm.forward(&input)?;
        let mut qkv = self.in_proj.forward(&normed)?;
        if let Some(added) = &added {
            qkv = added.onto_inputs(&normed, qkv)?;
        }
        drop(normed);
        let attended = self_attention(&qkv, sequences, self.heads, self.causal)?;
        let mut y = self.out_proj.forward_then(&attended, Then::Add(&input))?;
        if let Some(added) = &added {
            y = added.onto_output(&attended, y)?;
        }
        let (layers, sequences) = (self.clone(), sequences.clone());
        let wants_x = x.track_op();
        let (Some(matrices), Some(added)) = (matrices, added) else {
            return with_gradient(y, [x], move |grad| {
                let of_attended = layers.out_proj.weight.times(grad)?;
                let of_qkv = layers.of_qkv(&qkv, &of_attended, &sequences)?;
                let of_normed = layers.in_proj.weight.times(&of_qkv)?;
                Ok([Some((grad + layers.norm.gradient(&input, &of_normed)?)?)])
            });
        };
        let attended = added.has_output().then_some(attended);
        with_gradient(y, [x, &matrices.a, &matrices.b], move |grad| {
            let mut of_matrices = added.no_gradients();
            let mut of_attended = layers.out_proj.weight.times(grad)?;
            if let Some(attended) = &attended {
                of_attended =
                    added.through_output(attended, grad, of_attended, &mut of_matrices)?;
            }
            let of_qkv = layers.of_qkv(&qkv, &of_attended, &sequences)?;
            let of_normed = match wants_x {
                true => Some(layers.in_proj.weight.times(&of_qkv)?),
                false => None,
            };
            let normed = layers.norm.forward(&input)?;
            let of_normed = added.through_inputs(&normed, &of_qkv, of_normed, &mut of_matrices)?;
            let of_x = match wants_x {
                true => Some((grad + layers.norm.gradient(&input, &of_normed)?)?),
                false => None,
            };
            let [of_a, of_b] = of_matrices.into_tensors(width)?;
            Ok([of_x, Some(of_a), Some(of_b)])
        })
    }

    fn of_qkv(&self, qkv: &Tensor, grad: &Tensor, sequences: &Sequences) -> Result<Tensor> {
        self_attention_gradient(qkv, grad, sequences, self.heads, self.causal)
    }
}
