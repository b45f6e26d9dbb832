//! The Vision Transformer image encoder (openai/CLIP `clip/model.py`:
//! `VisionTransformer`).

use candle_core::{D, Tensor};

use super::transformer::{LayerNorm, Shape, Transformer};
use super::{ClipConfig, Weights};
use crate::error::{Error, Result};
use crate::ops;

/// Pixels → image features.
#[derive(Debug, Clone)]
pub struct VisionTransformer {
    patch_embedding: Tensor,      // conv1 without bias, [width, 3·patch²]
    class_embedding: Tensor,      // [width]
    positional_embedding: Tensor, // [grid² + 1, width]
    ln_pre: LayerNorm,
    transformer: Transformer,
    ln_post: LayerNorm,
    projection: Tensor, // [width, embed_dim]
    patch: usize,
    side: usize,
}

impl VisionTransformer {
    /// Reads the tensors under `visual.`.
    pub fn load(weights: &Weights, config: &ClipConfig) -> Result<Self> {
        let image = &config.image;
        let (width, patch) = (image.width, image.patch);
        let grid = image.side / patch;
        let conv1 = weights.get("visual.conv1.weight", &[width, 3, patch, patch])?;
        let shape = Shape {
            width,
            layers: image.layers,
            heads: image.heads,
            causal: false,
            activation: config.activation,
        };
        Ok(Self {
            patch_embedding: conv1.reshape((width, 3 * patch * patch))?,
            class_embedding: weights.get("visual.class_embedding", &[width])?,
            positional_embedding: weights
                .get("visual.positional_embedding", &[grid * grid + 1, width])?,
            ln_pre: LayerNorm::load(weights, "visual.ln_pre", width)?,
            transformer: Transformer::load(weights, "visual.transformer", shape)?,
            ln_post: LayerNorm::load(weights, "visual.ln_post", width)?,
            projection: weights.get("visual.proj", &[width, config.embed_dim])?,
            patch,
            side: image.side,
        })
    }

    /// Normalised pixels `[B, 3, side, side]` → image features `[B, embed_dim]`,
    /// not normalised.
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        self.encode(&self.embed(pixels)?)
    }

    /// Normalised pixels `[B, 3, side, side]` → one row for the class embedding
    /// and one for each patch, positions added: `[B, grid² + 1, width]`.
    pub fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width_px) = pixels.dims4()?;
        if (channels, height, width_px) != (3, self.side, self.side) {
            return Err(Error::setting(
                "the pixels' shape",
                format!("{:?}", pixels.dims()),
                format!("[batch, 3, {0}, {0}]", self.side),
            ));
        }
        let (patch, grid) = (self.patch, self.side / self.patch);
        // A convolution whose stride is its kernel is a product over patches.
        let patches = pixels
            .reshape(&[batch, 3, grid, patch, grid, patch][..])?
            .permute(&[0, 2, 4, 1, 3, 5][..])? // [B, grid, grid, 3, patch, patch]
            .reshape((batch, grid * grid, 3 * patch * patch))?;
        let patches = ops::linear(&patches, &self.patch_embedding, None)?; // [B, grid², width]
        let class = self.class_embedding.reshape((1, 1, ()))?.broadcast_as((
            batch,
            1,
            self.class_embedding.elem_count(),
        ))?;
        let rows = Tensor::cat(&[&class, &patches], 1)?; // [B, grid² + 1, width]
        Ok(rows.broadcast_add(&self.positional_embedding)?)
    }

    /// Embedded rows `[B, T, width]`, the class embedding's first → image
    /// features `[B, embed_dim]`. Pretraining passes a subset of the patches.
    pub fn encode(&self, rows: &Tensor) -> Result<Tensor> {
        let x = self.transformer.forward(&self.ln_pre.forward(rows)?)?;
        let class = x.narrow(D::Minus2, 0, 1)?.squeeze(1)?.contiguous()?; // [B, width]
        let x = self.ln_post.forward(&class)?;
        Ok(ops::linear(&x, &self.projection.t()?, None)?)
    }
}
