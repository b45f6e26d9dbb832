//! CLIP: two encoders into one joint space.

mod config;
mod text;
mod tokenizer;
mod transformer;
mod vit;
mod weights;

pub use config::{ClipConfig, ImageConfig, TextConfig};
pub use text::TextTransformer;
pub use tokenizer::{TokenRow, Tokenizer};
pub use vit::VisionTransformer;
pub use weights::{Weights, check_finite};

use candle_core::{D, DType, Tensor};

use crate::error::Result;

/// An image encoder, a text encoder, and the temperature of their cosine.
#[derive(Debug, Clone)]
pub struct Clip {
    pub config: ClipConfig,
    pub image: VisionTransformer,
    pub text: TextTransformer,
    /// Natural logarithm of the factor on the cosine (scalar tensor).
    pub log_logit_scale: Tensor,
}

impl Clip {
    /// Builds the model around its tensors. Variables stay variables, so the
    /// same function serves inference and pretraining.
    pub fn load(weights: &Weights) -> Result<Self> {
        let config = ClipConfig::from_weights(weights)?;
        Ok(Self {
            image: VisionTransformer::load(weights, &config)?,
            text: TextTransformer::load(weights, &config)?,
            log_logit_scale: weights.get("logit_scale", &[])?,
            config,
        })
    }

    /// The factor on the cosine: 100 in OpenAI's trained models.
    pub fn logit_scale(&self) -> Result<f64> {
        let log: f32 = self.log_logit_scale.to_dtype(DType::F32)?.to_scalar()?;
        Ok(f64::from(log).exp())
    }

    /// Rows of token ids `[N, context_length]` → text features `[N, embed_dim]`,
    /// not normalised. The end of text is the highest id of a row.
    pub fn encode_tokens(&self, rows: &[TokenRow]) -> Result<Tensor> {
        let length = rows
            .iter()
            .map(|row| row.end_of_text() + 1)
            .max()
            .unwrap_or(1);
        let ids: Vec<u32> = rows.iter().flat_map(|row| row.padded(length)).collect();
        let width = self.text.width();
        let prompts = self.text.token_embedding(&ids)?;
        let prompts = prompts.reshape((rows.len(), length, width))?;
        let ends: Vec<u32> = rows.iter().map(|row| row.end_of_text() as u32).collect();
        self.text.forward(&prompts, &ends)
    }
}

/// Each row of `features [N, d]` divided by its Euclidean norm.
pub fn normalise(features: &Tensor) -> Result<Tensor> {
    let norm = features.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
    Ok(features.broadcast_div(&norm)?)
}

/// `scale ·` cosine between image features `[B, d]` and text features `[C, d]`,
/// both normalised → logits `[B, C]`.
pub fn logits(image: &Tensor, text: &Tensor, scale: f64) -> Result<Tensor> {
    Ok((image.matmul(&text.t()?)? * scale)?)
}
