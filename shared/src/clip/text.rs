//! The text encoder: prompts → text features (openai/CLIP `encode_text`,
//! KaiyangZhou/CoOp `TextEncoder`).

use candle_core::{DType, Tensor};
use tracing::trace_span;

use super::transformer::{Attention, Transformer};
use super::{PromptLayout, TextConfig, Weights};
use crate::error::{Error, Result};
use crate::ops::{Compact, LayerNorm, Weight};
use crate::parallel::inside;

/// Prompts → text features. In a model without a text encoder its sizes are known, and
/// whatever needs its weights fails with [`Error::NoTextEncoder`].
#[derive(Debug, Clone)]
pub struct TextTransformer {
    vocabulary: usize,
    context_length: usize,
    width: usize,
    weights: Option<TextWeights>,
    /// Whether it computes all slots of every prompt.
    plain: bool,
}

#[derive(Debug, Clone)]
struct TextWeights {
    token_embedding: Compact,     // [vocabulary, width]
    positional_embedding: Tensor, // [context_length, width]
    transformer: Transformer,
    ln_final: LayerNorm,
    projection: Weight, // [embed_dim, width]
}

impl TextTransformer {
    /// Reads the tensors of the text tower.
    pub fn load(weights: &mut Weights, text: &TextConfig, embed_dim: usize) -> Result<Self> {
        let (tower, width) = (&text.tower, text.tower.width);
        let read = TextWeights {
            token_embedding: weights
                .take_compact("token_embedding.weight", &[text.vocabulary, width])?,
            positional_embedding: weights
                .take("positional_embedding", &[text.context_length, width])?,
            transformer: Transformer::load(weights, "transformer", tower, Attention::Causal)?,
            ln_final: weights.take_layer_norm("ln_final", tower)?,
            projection: Weight::new(weights.take("text_projection", &[width, embed_dim])?.t()?)?,
        };
        Ok(Self {
            weights: Some(read),
            ..Self::left_out(text)
        })
    }

    /// An encoder of these sizes that is not there.
    pub fn left_out(text: &TextConfig) -> Self {
        Self {
            vocabulary: text.vocabulary,
            context_length: text.context_length,
            width: text.tower.width,
            weights: None,
            plain: false,
        }
    }

    /// Whether its weights are there.
    pub fn is_there(&self) -> bool {
        self.weights.is_some()
    }

    fn weights(&self) -> Result<&TextWeights> {
        self.weights.as_ref().ok_or_else(|| Error::NoTextEncoder {
            asked: "a prompt".into(),
            carried: Vec::new(),
        })
    }

    /// The same encoder on another transformer.
    pub(super) fn with(
        &self,
        change: impl Fn(&Transformer) -> Result<Transformer>,
    ) -> Result<Self> {
        let weights = self.weights()?;
        Ok(Self {
            weights: Some(TextWeights {
                transformer: change(&weights.transformer)?,
                ..weights.clone()
            }),
            ..self.clone()
        })
    }

    /// The same encoder, which computes all slots of every prompt in all blocks.
    pub(super) fn plainly(&self) -> Self {
        Self {
            plain: true,
            ..self.clone()
        }
    }

    /// Its blocks, if they are there.
    pub(super) fn transformer(&self) -> Option<&Transformer> {
        Some(&self.weights.as_ref()?.transformer)
    }

    /// Rows of the token embedding.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Slots of a prompt.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// Columns of a context vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Token ids → their embeddings `[ids, width]`, in f32 whatever the weights are in.
    pub fn token_embedding(&self, ids: &[u32]) -> Result<Tensor> {
        let table = &self.weights()?.token_embedding;
        let vocabulary = self.vocabulary;
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocabulary) {
            return Err(Error::setting(
                "a token id",
                id,
                format!("an id below the vocabulary's {vocabulary}"),
            ));
        }
        let index = Tensor::new(ids, table.device())?;
        let rows = table.rows(&index)?;
        Ok(rows.to_dtype(DType::F32)?)
    }

    /// Lays out prompts that are made of rows of some table of embeddings, each up to its
    /// end of text. Prompts of a group that begin alike share those rows; groups share
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Setting`] for a prompt without slots or with more than
    /// [`Self::context_length`]; [`Error::NoTextEncoder`].
    pub fn lay_out(&self, groups: &[Vec<Vec<u32>>]) -> Result<PromptLayout> {
        let weights = self.weights()?;
        let lengths = groups.iter().flatten().map(Vec::len);
        if let Some(odd) = lengths
            .into_iter()
            .find(|length| !(1..=self.context_length).contains(length))
        {
            return Err(Error::setting(
                "the slots of a prompt",
                odd,
                format!("1 to {}", self.context_length),
            ));
        }
        let device = weights.positional_embedding.device();
        match self.plain {
            true => PromptLayout::padded(groups, self.context_length, device),
            // What is dropped is drawn for each prompt alone.
            false => PromptLayout::new(groups, !weights.transformer.drops(), device),
        }
    }

    /// The prompts of `layout`, made of rows of `table [.., width]` → text features
    /// `[N, embed_dim]` in f32, not normalised; differentiable in the table.
    pub fn forward(&self, table: &Tensor, layout: &PromptLayout) -> Result<Tensor> {
        let _span = trace_span!("text").entered();
        inside(table.device(), || self.features(table, layout))
    }

    fn features(&self, table: &Tensor, layout: &PromptLayout) -> Result<Tensor> {
        let weights = self.weights()?;
        let positions = weights
            .positional_embedding
            .index_select(&layout.slots, 0)?;
        let table = table.to_dtype(positions.dtype())?;
        let rows = (table.index_select(&layout.embeddings, 0)? + positions)?; // [R, width]
        let x = weights
            .transformer
            .forward(&rows, &layout.sequences, &layout.read)?; // [N, width]
        let x = weights.ln_final.forward(&x)?;
        let features = weights.projection.linear(&x, None)?;
        Ok(features.to_dtype(DType::F32)?)
    }
}
