//! The residual transformer that both encoders are made of
//! (openai/CLIP `clip/model.py`: `ResidualAttentionBlock`, `Transformer`).

use candle_core::Tensor;

use super::Weights;
use crate::error::Result;
use crate::ops::{self, Activation};

/// `y = x·Wᵀ + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor, // [out, in]
    bias: Tensor,   // [out]
}

impl Linear {
    fn load(weights: &Weights, weight: &str, bias: &str, dims: [usize; 2]) -> Result<Self> {
        Ok(Self {
            weight: weights.get(weight, &dims)?,
            bias: weights.get(bias, &dims[..1])?,
        })
    }

    /// `[.., in]` → `[.., out]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::linear(x, &self.weight, Some(&self.bias))?)
    }
}

/// LayerNorm with an epsilon of 1e-5.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor, // [width]
    bias: Tensor,   // [width]
}

impl LayerNorm {
    /// Reads `prefix.weight` and `prefix.bias`.
    pub fn load(weights: &Weights, prefix: &str, width: usize) -> Result<Self> {
        Ok(Self {
            weight: weights.get(&format!("{prefix}.weight"), &[width])?,
            bias: weights.get(&format!("{prefix}.bias"), &[width])?,
        })
    }

    /// `[.., width]` → `[.., width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::layer_norm(x, &self.weight, &self.bias, 1e-5)?)
    }
}

/// Attention and a feed-forward layer, each behind a LayerNorm and a shortcut.
#[derive(Debug, Clone)]
struct Block {
    ln_1: LayerNorm,
    in_proj: Linear,  // width → 3·width: queries, keys, values
    out_proj: Linear, // width → width
    ln_2: LayerNorm,
    c_fc: Linear,   // width → hidden
    c_proj: Linear, // hidden → width
}

impl Block {
    fn load(weights: &Weights, prefix: &str, width: usize) -> Result<Self> {
        let linear = |name: &str, dims| {
            let (weight, bias) = (
                format!("{prefix}.{name}weight"),
                format!("{prefix}.{name}bias"),
            );
            Linear::load(weights, &weight, &bias, dims)
        };
        let [hidden, _] = weights.dims(&format!("{prefix}.mlp.c_fc.weight"), [4 * width, width])?;
        Ok(Self {
            ln_1: LayerNorm::load(weights, &format!("{prefix}.ln_1"), width)?,
            in_proj: linear("attn.in_proj_", [3 * width, width])?,
            out_proj: linear("attn.out_proj.", [width, width])?,
            ln_2: LayerNorm::load(weights, &format!("{prefix}.ln_2"), width)?,
            c_fc: linear("mlp.c_fc.", [hidden, width])?,
            c_proj: linear("mlp.c_proj.", [width, hidden])?,
        })
    }

    fn forward(&self, x: &Tensor, shape: &Shape) -> Result<Tensor> {
        let qkv = self.in_proj.forward(&self.ln_1.forward(x)?)?;
        let attended = ops::self_attention(&qkv, shape.heads, shape.causal)?;
        let x = (x + self.out_proj.forward(&attended)?)?;
        let hidden = self.c_fc.forward(&self.ln_2.forward(&x)?)?;
        let hidden = shape.activation.forward(&hidden)?;
        Ok((&x + self.c_proj.forward(&hidden)?)?)
    }
}

/// What all blocks of one transformer share.
#[derive(Debug, Clone)]
pub struct Shape {
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Whether a position sees only those before it (text) or all (image).
    pub causal: bool,
    pub activation: Activation,
}

/// A stack of blocks.
#[derive(Debug, Clone)]
pub struct Transformer {
    blocks: Vec<Block>,
    shape: Shape,
}

impl Transformer {
    /// Reads `prefix.resblocks.0` and so on.
    pub fn load(weights: &Weights, prefix: &str, shape: Shape) -> Result<Self> {
        let blocks = (0..shape.layers)
            .map(|layer| Block::load(weights, &format!("{prefix}.resblocks.{layer}"), shape.width))
            .collect::<Result<_>>()?;
        Ok(Self { blocks, shape })
    }

    /// `[B, T, width]` → `[B, T, width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for block in &self.blocks {
            x = block.forward(&x, &self.shape)?;
        }
        Ok(x)
    }
}
