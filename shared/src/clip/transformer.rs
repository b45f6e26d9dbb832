//! The residual transformer that both encoders are made of
//! (openai/CLIP `clip/model.py`: `ResidualAttentionBlock`, `Transformer`).

use candle_core::Tensor;

use super::adapter::{BlockAdapter, check_blocks};
use super::{Projection, TowerConfig, Weights};
use crate::error::Result;
use crate::ops::{self, Sequences, Weight};

/// `y = x·Wᵀ + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Weight, // [out, in]
    bias: Tensor,   // [out]
}

impl Linear {
    /// Reads `weight [out, in]` and `bias [out]`.
    pub fn load(weights: &mut Weights, weight: &str, bias: &str, dims: [usize; 2]) -> Result<Self> {
        Ok(Self {
            weight: weights.take_weight(weight, &dims)?,
            bias: weights.take(bias, &dims[..1])?,
        })
    }

    /// The same layer with its weight by rows: see [`Weight::into_rows`].
    fn by_rows(self) -> Result<Self> {
        Ok(Self {
            weight: self.weight.into_rows()?,
            ..self
        })
    }

    /// Adds `change [out, in]` to the weight, if there is one.
    fn add(&mut self, change: Option<Tensor>) -> Result<()> {
        if let Some(change) = change {
            let weight = self.weight.values()?;
            let change = change.to_dtype(weight.dtype())?;
            self.weight = Weight::new((weight + change)?)?;
        }
        Ok(())
    }

    /// `[.., in]` → `[.., out]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.weight.linear(x, Some(&self.bias))?)
    }

    /// The layer that gives `count` of the outputs, from `first` on.
    fn outputs(&self, first: usize, count: usize) -> Result<Self> {
        Ok(Self {
            weight: self.weight.outputs(first, count)?,
            bias: self.bias.narrow(0, first, count)?,
        })
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
    fn load(
        weights: &mut Weights,
        prefix: &str,
        tower: &TowerConfig,
        attention: Attention,
    ) -> Result<Self> {
        let (width, hidden) = (tower.width, tower.hidden);
        let mut linear = |name: &str, dims| {
            let weight = format!("{prefix}.{name}weight");
            Linear::load(weights, &weight, &format!("{prefix}.{name}bias"), dims)
        };
        Ok(Self {
            in_proj: linear("attn.in_proj_", [3 * width, width])?,
            out_proj: linear("attn.out_proj.", [width, width])?,
            c_fc: match attention {
                Attention::Full => linear("mlp.c_fc.", [hidden, width])?,
                // A context's gradient comes back this way, and reads it by rows.
                Attention::Causal => linear("mlp.c_fc.", [hidden, width])?.by_rows()?,
            },
            c_proj: linear("mlp.c_proj.", [width, hidden])?,
            ln_1: LayerNorm::load(weights, &format!("{prefix}.ln_1"), tower)?,
            ln_2: LayerNorm::load(weights, &format!("{prefix}.ln_2"), tower)?,
            adapter: BlockAdapter::default(),
        })
    }

    /// `[R, width]` → `[R, width]`.
    fn forward(
        &self,
        x: &Tensor,
        sequences: &Sequences,
        tower: &TowerConfig,
        attention: Attention,
    ) -> Result<Tensor> {
        let normed = self.ln_1.forward(x)?;
        let mut qkv = self.in_proj.forward(&normed)?;
        if let Some(added) = self.adapter.queries_keys_values(&normed)? {
            qkv = (qkv + added)?;
        }
        let causal = attention == Attention::Causal;
        let attended = ops::self_attention(&qkv, sequences, tower.heads, causal)?;
        self.behind_attention(x, &attended, tower)
    }

    /// What [`Self::forward`] gives for one row of each sequence, which sees all rows of
    /// it: `[R, width]` → `[N, width]`. Of the other rows only keys and values are needed.
    fn forward_of_one(
        &self,
        x: &Tensor,
        rows: &Tensor,
        sequences: &Sequences,
        tower: &TowerConfig,
    ) -> Result<Tensor> {
        let width = tower.width;
        let normed = self.ln_1.forward(x)?;
        let asking = normed.index_select(rows, 0)?; // [N, width]
        let mut queries = self.in_proj.outputs(0, width)?.forward(&asking)?;
        let mut keys_values = self.in_proj.outputs(width, 2 * width)?.forward(&normed)?;
        if let Some(added) = self.adapter.queries_keys_values(&normed)? {
            let of_queries = added.narrow(1, 0, width)?.contiguous()?;
            queries = (queries + of_queries.index_select(rows, 0)?)?;
            keys_values = (keys_values + added.narrow(1, width, 2 * width)?)?;
        }
        let attended = ops::attention_of_one(&queries, &keys_values, sequences, tower.heads)?;
        self.behind_attention(&x.index_select(rows, 0)?, &attended, tower)
    }

    /// The rest of the block, row by row.
    fn behind_attention(
        &self,
        x: &Tensor,
        attended: &Tensor,
        tower: &TowerConfig,
    ) -> Result<Tensor> {
        let mut output = self.out_proj.forward(attended)?;
        if let Some(added) = self.adapter.output(attended)? {
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

/// The one row of each sequence that a tower's result is made of.
#[derive(Debug, Clone)]
pub struct Read {
    rows: Vec<u32>,
    alone: bool,
}

impl Read {
    /// Rows that see the whole of their sequences: the last block computes no others.
    pub fn alone(rows: Vec<u32>) -> Self {
        Self { rows, alone: true }
    }

    /// Rows that are picked once all have been computed.
    pub fn among_all(rows: Vec<u32>) -> Self {
        Self { rows, alone: false }
    }
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
            .map(|layer| {
                let prefix = format!("{prefix}.resblocks.{layer}");
                Block::load(weights, &prefix, tower, attention)
            })
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
        let rows = |part| block.in_proj.weight.outputs(part * width, width)?.values();
        Ok(Some(match projection {
            Projection::Query => rows(0)?,
            Projection::Key => rows(1)?,
            Projection::Value => rows(2)?,
            Projection::Output => block.out_proj.weight.values()?,
        }))
    }

    /// Whether a value may be dropped in one row and not in another that is the same.
    pub fn drops(&self) -> bool {
        let mut dropouts = self.blocks.iter().map(|block| block.adapter.dropout);
        dropouts.any(|dropout| dropout.is_some())
    }

    /// The rows of all sequences `[R, width]` → the one row of each that is read
    /// `[N, width]`.
    pub fn forward(&self, x: &Tensor, sequences: &Sequences, read: &Read) -> Result<Tensor> {
        let (tower, attention) = (&self.tower, self.attention);
        let rows = Tensor::new(read.rows.as_slice(), x.device())?;
        let mut x = x.clone();
        let (last, blocks) = match self.blocks.split_last() {
            Some((last, blocks)) if read.alone => (Some(last), blocks),
            _ => (None, self.blocks.as_slice()),
        };
        for block in blocks {
            x = block.forward(&x, sequences, tower, attention)?;
        }
        match last {
            Some(last) => last.forward_of_one(&x, &rows, sequences, tower),
            None => Ok(x.index_select(&rows, 0)?),
        }
    }
}
