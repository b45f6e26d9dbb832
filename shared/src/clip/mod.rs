//! CLIP: two encoders into one joint space.

mod adapter;
mod attention_pool;
mod carried;
mod config;
mod config_json;
mod distinct;
mod hints;
mod image;
mod layout;
mod model_file;
mod naming;
mod prompt_layout;
pub mod repository;
mod resnet;
mod text;
mod token_row;
mod tokenizer;
mod transformer;
mod vit;
mod weights;

pub use adapter::{Adapter, BlockAdapter, LowRank, Projection};
pub use carried::{
    CarriedZeroShot, ClassFeatures, FINGERPRINT_KEY, ZERO_SHOT_KEY, ZERO_SHOT_TENSOR,
};
pub use config::{
    Backbone, ClipConfig, EndOfText, ImageConfig, MEAN, STANDARD_DEVIATION, Shapes, TextConfig,
    TowerConfig,
};
pub use config_json::{hugging_face_json, open_clip_json};
pub use hints::{Configuration, HEADER_KEY, Hints, TowerHints};
pub use image::ImageEncoder;
pub use layout::{LOGIT_SCALE, Slot, image_slots, text_slots};
pub use model_file::{Change, Loading, ModelFile};
pub use naming::{Naming, Place};
pub use prompt_layout::PromptLayout;
pub use resnet::ModifiedResNet;
pub use text::TextTransformer;
pub use token_row::TokenRow;
pub use tokenizer::{Tokenizer, clean, supply_merges};
pub use vit::VisionTransformer;
pub use weights::{Weights, check_finite};

pub(crate) use distinct::DistinctTokens;
use image::check_pixels;
use transformer::Transformer;

use candle_core::{D, DType, Device, Tensor};

use crate::error::Result;
use crate::ops;

fn exponential(log: &Tensor) -> Result<f64> {
    let log: f32 = log.to_dtype(DType::F32)?.to_scalar()?;
    Ok(f64::from(log).exp())
}

/// An image encoder, a text encoder, and the temperature of their cosine.
#[derive(Debug, Clone)]
pub struct Clip {
    pub config: ClipConfig,
    pub image: ImageEncoder,
    pub text: TextTransformer,
    /// Natural logarithm of the factor on the cosine (scalar tensor).
    pub log_logit_scale: Tensor,
    /// The factor itself, unless it is trained.
    pub(crate) logit_scale: Option<f64>,
}

impl Clip {
    /// Builds the model around its tensors. Variables stay variables, so the
    /// same function serves inference and pretraining.
    pub fn load(mut weights: Weights) -> Result<Self> {
        let config = weights.config.clone();
        let embed_dim = config.embed_dim;
        let log_logit_scale = weights.take(LOGIT_SCALE, &[])?;
        let logit_scale = match log_logit_scale.track_op() {
            true => None,
            false => Some(exponential(&log_logit_scale)?),
        };
        Ok(Self {
            image: ImageEncoder::load(&mut weights, &config.image, embed_dim)?,
            text: match weights.has_text() {
                true => TextTransformer::load(&mut weights, &config.text, embed_dim)?,
                false => TextTransformer::left_out(&config.text),
            },
            log_logit_scale,
            logit_scale,
            config,
        })
    }

    /// The same model with `adapter` beside its attention projections.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] if it is for another number of blocks, or for the
    /// image encoder of a ResNet.
    pub fn adapted(&self, adapter: &Adapter) -> Result<Self> {
        self.change(adapter, |transformer, adapters| {
            transformer.adapted(adapters)
        })
    }

    /// The same model with `adapter` added into its weights: the same numbers up
    /// to rounding, at the speed of the plain model.
    ///
    /// # Errors
    /// As [`Self::adapted`].
    pub fn merged(&self, adapter: &Adapter) -> Result<Self> {
        Ok(Self {
            image: self.merged_image(adapter)?,
            text: self.merged_text(adapter)?,
            ..self.clone()
        })
    }

    /// The text encoder with its part of `adapter` added into the weights.
    ///
    /// # Errors
    /// As [`Self::adapted`].
    pub fn merged_text(&self, adapter: &Adapter) -> Result<TextTransformer> {
        match adapter.text.is_empty() {
            true => Ok(self.text.clone()),
            false => self.text.with(|blocks| blocks.merged(&adapter.text)),
        }
    }

    /// The image encoder with its part of `adapter` added into the weights.
    ///
    /// # Errors
    /// As [`Self::adapted`].
    pub fn merged_image(&self, adapter: &Adapter) -> Result<ImageEncoder> {
        match adapter.image.is_empty() {
            true => Ok(self.image.clone()),
            false => self.image.with(|blocks| blocks.merged(&adapter.image)),
        }
    }

    fn change(
        &self,
        adapter: &Adapter,
        change: impl Fn(&Transformer, &[BlockAdapter]) -> Result<Transformer>,
    ) -> Result<Self> {
        let mut clip = self.clone();
        if !adapter.image.is_empty() {
            clip.image = clip.image.with(|blocks| change(blocks, &adapter.image))?;
        }
        if !adapter.text.is_empty() {
            clip.text = clip.text.with(|blocks| change(blocks, &adapter.text))?;
        }
        Ok(clip)
    }

    /// The weight `[width, width]` of one projection of the image encoder's block `at`,
    /// if it is a ViT with such a block.
    pub fn image_projection(&self, at: usize, projection: Projection) -> Result<Option<Tensor>> {
        match self.image.vit() {
            Some(vit) => vit.transformer().projection(at, projection),
            None => Ok(None),
        }
    }

    /// The weight `[width, width]` of one projection of the text encoder's block `at`,
    /// if there is such a block.
    pub fn text_projection(&self, at: usize, projection: Projection) -> Result<Option<Tensor>> {
        match self.text.transformer() {
            Some(transformer) => transformer.projection(at, projection),
            None => Ok(None),
        }
    }

    /// The same model without the shortcuts that its encoders take: every prompt fills
    /// all its slots, and the last block computes rows that nobody reads. The numbers are
    /// the same up to rounding; this is for comparing.
    pub fn plainly(&self) -> Self {
        Self {
            image: self.image.plainly(),
            text: self.text.plainly(),
            ..self.clone()
        }
    }

    /// The device that its tensors are on.
    pub fn device(&self) -> &Device {
        self.log_logit_scale.device()
    }

    /// The factor on the cosine: 100 in OpenAI's trained models.
    pub fn logit_scale(&self) -> Result<f64> {
        match self.logit_scale {
            Some(scale) => Ok(scale),
            None => exponential(&self.log_logit_scale),
        }
    }

    /// Rows of token ids `[N, context_length]` → text features `[N, embed_dim]`,
    /// not normalised. The end of text is the highest id of a row.
    pub fn encode_tokens(&self, rows: &[TokenRow]) -> Result<Tensor> {
        self.encode_laid_out(&self.lay_out_tokens(rows)?)
    }

    /// Prompts as tokens, laid out for [`Self::encode_laid_out`] by this model or another
    /// one that drops values if this one does, and has its token embedding.
    pub fn lay_out_tokens(&self, rows: &[TokenRow]) -> Result<LaidOutTokens> {
        let prompts = rows.iter().map(|row| row.up_to_end().to_vec());
        let mut prompts: Vec<Vec<u32>> = prompts.collect();
        let tokens = DistinctTokens::of(prompts.iter().flatten().copied());
        for id in prompts.iter_mut().flatten() {
            *id = tokens.place(*id) as u32;
        }
        Ok(LaidOutTokens {
            table: self.text.token_embedding(tokens.ids())?,
            layout: self.text.lay_out(&[prompts])?,
        })
    }

    /// What [`Self::encode_tokens`] gives: nothing but the encoder's work.
    pub fn encode_laid_out(&self, tokens: &LaidOutTokens) -> Result<Tensor> {
        self.text.forward(&tokens.table, &tokens.layout)
    }
}

/// Prompts as tokens, where the text encoder reads them.
#[derive(Debug, Clone)]
pub struct LaidOutTokens {
    /// The embeddings of the tokens that there are: `[tokens, width]`.
    table: Tensor,
    layout: PromptLayout,
}

/// Each row of `features [N, d]` divided by its Euclidean norm.
pub fn normalise(features: &Tensor) -> Result<Tensor> {
    let norm = features.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
    Ok(features.broadcast_div(&norm)?)
}

/// `scale ·` cosine between image features `[B, d]` and text features `[C, d]`,
/// both normalised → logits `[B, C]`.
pub fn logits(image: &Tensor, text: &Tensor, scale: f64) -> Result<Tensor> {
    Ok((ops::linear(image, text, None)? * scale)?)
}
