//! The Vision Transformer image encoder (openai/CLIP `clip/model.py`:
//! `VisionTransformer`).

use candle_core::{DType, Tensor};

use super::transformer::{Attention, Read, Transformer};
use super::{TowerConfig, Weights, check_pixels};
use crate::error::Result;
use crate::ops::{LayerNorm, Sequences, Weight};

/// Pixels → image features.
#[derive(Debug, Clone)]
pub struct VisionTransformer {
    patch_embedding: Weight,      // conv1 without bias, [width, 3·patch²]
    class_embedding: Tensor,      // [width]
    positional_embedding: Tensor, // [grid² + 1, width]
    ln_pre: LayerNorm,
    transformer: Transformer,
    ln_post: LayerNorm,
    projection: Weight, // [embed_dim, width]
    patch: usize,
    side: usize,
    /// Whether the last block computes only what is read.
    reads_alone: bool,
}

/// The patch embedding in OpenAI's state dict.
const CONV1: &str = "visual.conv1.weight";

impl VisionTransformer {
    /// Reads the tensors under `visual.`, for images of `side × side` pixels.
    pub fn load(
        weights: &mut Weights,
        [side, patch]: [usize; 2],
        tower: &TowerConfig,
        embed_dim: usize,
    ) -> Result<Self> {
        let (width, grid) = (tower.width, side / patch);
        let conv1 = weights.take(CONV1, &[width, 3, patch, patch])?;
        let conv1 = conv1.reshape((width, 3 * patch * patch))?;
        Ok(Self {
            patch_embedding: weights.lay_out(CONV1, conv1)?,
            class_embedding: weights.take("visual.class_embedding", &[width])?,
            positional_embedding: weights
                .take("visual.positional_embedding", &[grid * grid + 1, width])?,
            ln_pre: weights.take_layer_norm("visual.ln_pre", tower)?,
            transformer: Transformer::load(weights, "visual.transformer", tower, Attention::Full)?,
            ln_post: weights.take_layer_norm("visual.ln_post", tower)?,
            projection: Weight::new(weights.take("visual.proj", &[width, embed_dim])?.t()?)?,
            patch,
            side,
            reads_alone: true,
        })
    }

    /// The same encoder on another transformer.
    pub(super) fn with(
        &self,
        change: impl Fn(&Transformer) -> Result<Transformer>,
    ) -> Result<Self> {
        Ok(Self {
            transformer: change(&self.transformer)?,
            ..self.clone()
        })
    }

    /// The same encoder, whose last block computes all rows.
    pub(super) fn plainly(&self) -> Self {
        Self {
            reads_alone: false,
            ..self.clone()
        }
    }

    /// Its blocks.
    pub(super) fn transformer(&self) -> &Transformer {
        &self.transformer
    }

    /// Normalised pixels `[B, 3, side, side]` → image features `[B, embed_dim]`,
    /// not normalised.
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        self.encode(&self.embed(pixels)?)
    }

    /// Normalised pixels `[B, 3, side, side]` → one row for the class embedding
    /// and one for each patch, positions added: `[B, grid² + 1, width]`.
    pub fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let batch = check_pixels(pixels, self.side)?;
        let pixels = pixels.to_dtype(self.patch_embedding.dtype())?;
        let (patch, grid) = (self.patch, self.side / self.patch);
        // A convolution whose stride is its kernel is a product over patches.
        let patches = pixels
            .reshape(&[batch, 3, grid, patch, grid, patch][..])?
            .permute(&[0, 2, 4, 1, 3, 5][..])? // [B, grid, grid, 3, patch, patch]
            .reshape((batch, grid * grid, 3 * patch * patch))?;
        let patches = self.patch_embedding.linear(&patches, None)?; // [B, grid², width]
        let class = self.class_embedding.reshape((1, 1, ()))?.broadcast_as((
            batch,
            1,
            self.class_embedding.elem_count(),
        ))?;
        let rows = Tensor::cat(&[&class, &patches], 1)?; // [B, grid² + 1, width]
        Ok(rows.broadcast_add(&self.positional_embedding)?)
    }

    /// Embedded rows `[B, T, width]`, the class embedding's first → image
    /// features `[B, embed_dim]` in f32. Pretraining passes a subset of the patches.
    pub fn encode(&self, rows: &Tensor) -> Result<Tensor> {
        let (batch, length, width) = rows.dims3()?;
        let classes: Vec<u32> = (0..batch as u32)
            .map(|image| image * length as u32)
            .collect();
        let read = match self.reads_alone {
            true => Read::alone(&classes, rows.device()),
            false => Read::among_all(&classes, rows.device()),
        }?;
        let x = self
            .ln_pre
            .forward(rows)?
            .reshape((batch * length, width))?;
        let sequences = Sequences::alike(batch, length);
        let class = self.transformer.forward(&x, &sequences, &read)?; // [B, width]
        let x = self.ln_post.forward(&class)?;
        let features = self.projection.linear(&x, None)?;
        Ok(features.to_dtype(DType::F32)?)
    }
}
