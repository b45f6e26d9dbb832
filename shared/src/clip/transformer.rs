//! The residual transformer that both encoders are made of
//! (openai/CLIP `clip/model.py`: `ResidualAttentionBlock`, `Transformer`).

use candle_core::{Device, Tensor};

use super::adapter::{BlockAdapter, check_blocks};
use super::{Projection, TowerConfig, Weights};
use crate::error::Result;
use crate::ops::{self, Attending, FeedForward, Sequences, Then};

/// Attention and a feed-forward layer, each behind a LayerNorm and a shortcut.
#[derive(Debug, Clone)]
struct Block {
    attending: Attending,
    feed_forward: FeedForward,
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
            weights.take_linear(&weight, &format!("{prefix}.{name}bias"), dims)
        };
        let in_proj = linear("attn.in_proj_", [3 * width, width])?;
        let out_proj = linear("attn.out_proj.", [width, width])?;
        let c_fc = match attention {
            Attention::Full => linear("mlp.c_fc.", [hidden, width])?,
            // A context's gradient comes back this way, and reads it by rows.
            Attention::Causal => linear("mlp.c_fc.", [hidden, width])?.by_rows()?,
        };
        let c_proj = linear("mlp.c_proj.", [width, hidden])?;
        Ok(Self {
            attending: Attending {
                norm: weights.take_layer_norm(&format!("{prefix}.ln_1"), tower)?,
                in_proj,
                out_proj,
                heads: tower.heads,
                causal: attention == Attention::Causal,
            },
            feed_forward: FeedForward {
                norm: weights.take_layer_norm(&format!("{prefix}.ln_2"), tower)?,
                first: c_fc,
                activation: tower.activation,
                second: c_proj,
            },
            adapter: BlockAdapter::default(),
        })
    }

    /// `[R, width]` → `[R, width]`.
    fn forward(&self, x: &Tensor, sequences: &Sequences) -> Result<Tensor> {
        let added = self.adapter.low_ranks()?;
        let is_tracked = x.track_op() || added.is_some();
        if is_tracked && self.attending.goes_alone(x) {
            let x = self.attending.forward(x, sequences, added.as_ref())?;
            return Ok(self.feed_forward.forward(&x)?);
        }
        let Attending {
            norm,
            in_proj,
            heads,
            causal,
            ..
        } = &self.attending;
        let normed = norm.forward(x)?;
        let mut qkv = in_proj.forward(&normed)?;
        if let Some(added) = self.adapter.queries_keys_values(&normed)? {
            qkv = (qkv + added)?;
        }
        let attended = ops::self_attention(&qkv, sequences, *heads, *causal)?;
        self.behind_attention(x, &attended)
    }

    /// What [`Self::forward`] gives for one row of each sequence, which sees all rows of
    /// it: `[R, width]` → `[N, width]`. Of the other rows only keys and values are needed.
    fn forward_of_one(&self, x: &Tensor, rows: &Tensor, sequences: &Sequences) -> Result<Tensor> {
        let Attending {
            norm,
            in_proj,
            heads,
            ..
        } = &self.attending;
        let normed = norm.forward(x)?;
        let width = normed.dim(1)?;
        let asking = normed.index_select(rows, 0)?; // [N, width]
        let mut queries = in_proj.outputs(0, width)?.forward(&asking)?;
        let mut keys_values = in_proj.outputs(width, 2 * width)?.forward(&normed)?;
        if let Some(added) = self.adapter.queries_keys_values(&normed)? {
            let of_queries = added.narrow(1, 0, width)?.contiguous()?;
            queries = (queries + of_queries.index_select(rows, 0)?)?;
            keys_values = (keys_values + added.narrow(1, width, 2 * width)?)?;
        }
        let attended = ops::attention_of_one(&queries, &keys_values, sequences, *heads)?;
        self.behind_attention(&x.index_select(rows, 0)?, &attended)
    }

    /// The rest of the block, row by row.
    fn behind_attention(&self, x: &Tensor, attended: &Tensor) -> Result<Tensor> {
        let out_proj = &self.attending.out_proj;
        let mut y = out_proj.forward_then(attended, Then::Add(x))?;
        if let Some(added) = self.adapter.output(attended)? {
            y = (y + added)?;
        }
        Ok(self.feed_forward.forward(&y)?)
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
    rows: Tensor, // u32, [N]
    alone: bool,
}

impl Read {
    /// Rows that see the whole of their sequences: the last block computes no others.
    pub fn alone(rows: &[u32], device: &Device) -> Result<Self> {
        let rows = Tensor::new(rows, device)?;
        Ok(Self { rows, alone: true })
    }

    /// Rows that are picked once all have been computed.
    pub fn among_all(rows: &[u32], device: &Device) -> Result<Self> {
        let rows = Tensor::new(rows, device)?;
        Ok(Self { rows, alone: false })
    }
}

/// A stack of blocks.
#[derive(Debug, Clone)]
pub struct Transformer {
    blocks: Vec<Block>,
    tower: TowerConfig,
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
            let projections = &mut block.attending;
            let change = adapter.dense_in_projection(self.tower.width)?;
            projections.in_proj.add(change)?;
            projections.out_proj.add(adapter.dense_output()?)?;
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
        let Attending {
            in_proj, out_proj, ..
        } = &block.attending;
        let rows = |part| in_proj.weight.outputs(part * width, width)?.values();
        Ok(Some(match projection {
            Projection::Query => rows(0)?,
            Projection::Key => rows(1)?,
            Projection::Value => rows(2)?,
            Projection::Output => out_proj.weight.values()?,
        }))
    }

    /// Whether a value may be dropped in one row and not in another that is the same.
    pub fn drops(&self) -> bool {
        let mut blocks = self.blocks.iter();
        blocks.any(|block| block.adapter.dropout.is_some())
    }

    /// The rows of all sequences `[R, width]` → the one row of each that is read
    /// `[N, width]`.
    pub fn forward(&self, x: &Tensor, sequences: &Sequences, read: &Read) -> Result<Tensor> {
        let mut x = x.clone();
        let (last, blocks) = match self.blocks.split_last() {
            Some((last, blocks)) if read.alone => (Some(last), blocks),
            _ => (None, self.blocks.as_slice()),
        };
        for block in blocks {
            x = block.forward(&x, sequences)?;
        }
        match last {
            Some(last) => last.forward_of_one(&x, &read.rows, sequences),
            None => Ok(x.index_select(&read.rows, 0)?),
        }
    }
}
