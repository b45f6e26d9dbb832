//! The residual transformer that both encoders are made of
//! (openai/CLIP `clip/model.py`: `ResidualAttentionBlock`, `Transformer`).

use candle_core::Tensor;

use super::adapter::{BlockAdapter, check_blocks};
use super::{Projection, TowerConfig, Weights};
use crate::error::Result;
use crate::ops;

/// `y = x·Wᵀ + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor, // [out, in]
    bias: Tensor,   // [out]
}

impl Linear {
    /// Reads `weight [out, in]` and `bias [out]`.
    pub fn load(weights: &mut Weights, weight: &str, bias: &str, dims: [usize; 2]) -> Result<Self> {
        Ok(Self {
            weight: weights.take(weight, &dims)?,
            bias: weights.take(bias, &dims[..1])?,
        })
    }

    /// Adds `change [out, in]` to the weight, if there is one.
    fn add(&mut self, change: Option<Tensor>) -> Result<()> {
        if let Some(change) = change {
            self.weight = (&self.weight + change.to_dtype(self.weight.dtype())?)?;
        }
        Ok(())
    }

    /// `[.., in]` → `[.., out]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::linear(x, &self.weight, Some(&self.bias))?)
    }
}

/// Normalisation over the columns.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor, // [width]
    bias: Tensor,   // [width]
    epsilon: f64,
}

impl LayerNorm {
    /// Reads `prefix.weight` and `prefix.bias`.
    pub fn load(weights: &mut Weights, prefix: &str, tower: &TowerConfig) -> Result<Self> {
        Ok(Self {
            weight: weights.take(&format!("{prefix}.weight"), &[tower.width])?,
            bias: weights.take(&format!("{prefix}.bias"), &[tower.width])?,
            epsilon: tower.epsilon,
        })
    }

    /// `[.., width]` → `[.., width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::layer_norm(x, &self.weight, &self.bias, self.epsilon)?)
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
    adapter: BlockAdapter,
}

impl Block {
    fn load(weights: &mut Weights, prefix: &str, tower: &TowerConfig) -> Result<Self> {
        let (width, hidden) = (tower.width, tower.hidden);
        let mut linear = |name: &str, dims| {
            let weight = format!("{prefix}.{name}weight");
            Linear::load(weights, &weight, &format!("{prefix}.{name}bias"), dims)
        };
        Ok(Self {
            in_proj: linear("attn.in_proj_", [3 * width, width])?,
            out_proj: linear("attn.out_proj.", [width, width])?,
            c_fc: linear("mlp.c_fc.", [hidden, width])?,
            c_proj: linear("mlp.c_proj.", [width, hidden])?,
            ln_1: LayerNorm::load(weights, &format!("{prefix}.ln_1"), tower)?,
            ln_2: LayerNorm::load(weights, &format!("{prefix}.ln_2"), tower)?,
            adapter: BlockAdapter::default(),
        })
    }

    fn forward(&self, x: &Tensor, tower: &TowerConfig, attention: Attention) -> Result<Tensor> {
        let normed = self.ln_1.forward(x)?;
        let mut qkv = self.in_proj.forward(&normed)?;
        if let Some(added) = self.adapter.queries_keys_values(&normed)? {
            qkv = (qkv + added)?;
        }
        let causal = attention == Attention::Causal;
        let attended = ops::self_attention(&qkv, tower.heads, causal)?;
        let mut output = self.out_proj.forward(&attended)?;
        if let Some(added) = self.adapter.output(&attended)? {
            output = (output + added)?;
        }
        let x = (x + output)?;
        let hidden = self.c_fc.forward(&self.ln_2.forward(&x)?)?;
        let hidden = tower.activation.forward(&hidden)?;
        Ok((&x + self.c_proj.forward(&hidden)?)?)
    }
}

/// What a position sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Every position (images).
    Full,
    /// Itself and those before it (text).
    Causal,
}

/// A stack of blocks.
#[derive(Debug, Clone)]
pub struct Transformer {
    blocks: Vec<Block>,
    tower: TowerConfig,
    attention: Attention,
}

impl Transformer {
    /// Reads `prefix.resblocks.0` and so on.
    pub fn load(
        weights: &mut Weights,
        prefix: &str,
        tower: &TowerConfig,
        attention: Attention,
    ) -> Result<Self> {
        let blocks = (0..tower.layers)
            .map(|layer| Block::load(weights, &format!("{prefix}.resblocks.{layer}"), tower))
            .collect::<Result<_>>()?;
        Ok(Self {
            blocks,
            tower: tower.clone(),
            attention,
        })
    }

    /// The same blocks with these adapters beside their projections; an empty list
    /// takes them off.
    pub fn adapted(&self, adapters: &[BlockAdapter]) -> Result<Self> {
        check_blocks(adapters, self.blocks.len())?;
        let mut adapted = self.clone();
        for (at, block) in adapted.blocks.iter_mut().enumerate() {
            block.adapter = adapters.get(at).cloned().unwrap_or_default();
        }
        Ok(adapted)
    }

    /// The same blocks with these adapters added into their weights.
    pub fn merged(&self, adapters: &[BlockAdapter]) -> Result<Self> {
        check_blocks(adapters, self.blocks.len())?;
        let mut merged = self.clone();
        for (block, adapter) in merged.blocks.iter_mut().zip(adapters) {
            block
                .in_proj
                .add(adapter.dense_in_projection(self.tower.width)?)?;
            block.out_proj.add(adapter.dense_output()?)?;
        }
        Ok(merged)
    }

    /// The weight `[width, width]` of one projection of block `at`, if there is such a
    /// block.
    pub fn projection(&self, at: usize, projection: Projection) -> Result<Option<Tensor>> {
        let Some(block) = self.blocks.get(at) else {
            return Ok(None);
        };
        let width = self.tower.width;
        let rows = |part| block.in_proj.weight.narrow(0, part * width, width);
        Ok(Some(match projection {
            Projection::Query => rows(0)?,
            Projection::Key => rows(1)?,
            Projection::Value => rows(2)?,
            Projection::Output => block.out_proj.weight.clone(),
        }))
    }

    /// `[B, T, width]` → `[B, T, width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for block in &self.blocks {
            x = block.forward(&x, &self.tower, self.attention)?;
        }
        Ok(x)
    }
}
