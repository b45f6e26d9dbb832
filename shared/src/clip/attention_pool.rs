//! Attention from the mean of all positions to each of them, as a ResNet's last pool
//! (openai/CLIP `clip/model.py`: `AttentionPool2d`).
//!
//! There is one query to an image. So neither keys nor values are computed: a head's query
//! goes through the keys' weight once, not each position, and the mean of the positions goes
//! through the values' weight. The same up to rounding, and a thirtieth of the work.

use candle_core::Tensor;

use super::Weights;
use crate::error::Result;
use crate::ops::{self, Linear};

/// Positions → features.
#[derive(Debug, Clone)]
pub struct AttentionPool {
    positional_embedding: Tensor, // [grid² + 1, channels]
    query: Linear,
    keys: Tensor,       // [heads, columns of a head, channels]
    values: Tensor,     // [heads, channels, columns of a head]
    value_bias: Tensor, // [channels]
    output: Linear,     // channels → embed_dim
}

impl AttentionPool {
    /// Reads the tensors under `visual.attnpool.`, for `positions` with the mean of all.
    pub fn load(
        weights: &mut Weights,
        [positions, channels, embed_dim]: [usize; 3],
        heads: usize,
    ) -> Result<Self> {
        const PREFIX: &str = "visual.attnpool";
        let columns = channels / heads;
        let mut take = |name: &str, dims: &[usize]| weights.take(&format!("{PREFIX}.{name}"), dims);
        let square = [channels, channels];
        let by_head = (heads, columns, channels);
        let keys = take("k_proj.weight", &square)?.reshape(by_head)?;
        let values = take("v_proj.weight", &square)?.reshape(by_head)?;
        // It moves all scores of a query by as much, which their softmax takes back.
        let _key_bias = take("k_proj.bias", &[channels])?;
        let value_bias = take("v_proj.bias", &[channels])?;
        let positional_embedding = take("positional_embedding", &[positions, channels])?;
        let mut linear = |name: &str, outputs| {
            let weight = format!("{PREFIX}.{name}.weight");
            let bias = format!("{PREFIX}.{name}.bias");
            weights.take_linear(&weight, &bias, [outputs, channels])
        };
        Ok(Self {
            positional_embedding,
            query: linear("q_proj", channels)?,
            keys: keys.contiguous()?,
            values: values.transpose(1, 2)?.contiguous()?,
            value_bias,
            output: linear("c_proj", embed_dim)?,
        })
    }

    /// `[B, H, W, channels]` → `[B, embed_dim]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, height, width, channels) = x.dims4()?;
        let (heads, columns, _) = self.keys.dims3()?;
        let x = x.reshape((batch, height * width, channels))?;
        let mean = x.mean_keepdim(1)?;
        let x = Tensor::cat(&[&mean, &x], 1)?.broadcast_add(&self.positional_embedding)?;
        // [B, T, channels]; only the mean asks.
        let query = self.query.forward(&x.narrow(1, 0, 1)?)?;
        let query = (query * (columns as f64).powf(-0.5))?;
        let query = query.reshape((batch, heads, columns))?;
        let asked = swapped(&query)?.matmul(&self.keys)?; // [heads, B, channels]
        let scores = swapped(&asked)?.matmul(&x.transpose(1, 2)?)?; // [B, heads, T]
        let means = ops::softmax(&scores)?.matmul(&x)?; // [B, heads, channels]
        let attended = swapped(&means)?.matmul(&self.values)?; // [heads, B, columns]
        let attended = swapped(&attended)?.reshape((batch, channels))?;
        Ok(self
            .output
            .forward(&attended.broadcast_add(&self.value_bias)?)?)
    }
}

/// `[a, b, c]` → `[b, a, c]`
fn swapped(x: &Tensor) -> Result<Tensor> {
    Ok(x.transpose(0, 1)?.contiguous()?)
}
