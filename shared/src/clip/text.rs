//! The text encoder: prompts → text features (openai/CLIP `encode_text`,
//! KaiyangZhou/CoOp `TextEncoder`).

use candle_core::{DType, Tensor};
use tracing::trace_span;

use super::transformer::{Attention, LayerNorm, Transformer};
use super::{TextConfig, Weights};
use crate::error::{Error, Result};
use crate::ops;

/// Prompts → text features. In a model without a text encoder its sizes are known, and
/// whatever needs its weights fails with [`Error::NoTextEncoder`].
#[derive(Debug, Clone)]
pub struct TextTransformer {
    vocabulary: usize,
    context_length: usize,
    width: usize,
    weights: Option<TextWeights>,
}

#[derive(Debug, Clone)]
struct TextWeights {
    token_embedding: Tensor,      // [vocabulary, width]
    positional_embedding: Tensor, // [context_length, width]
    transformer: Transformer,
    ln_final: LayerNorm,
    projection: Tensor, // [width, embed_dim]
}

impl TextTransformer {
    /// Reads the tensors of the text tower.
    pub fn load(weights: &mut Weights, text: &TextConfig, embed_dim: usize) -> Result<Self> {
        let (tower, width) = (&text.tower, text.tower.width);
        let read = TextWeights {
            token_embedding: weights.take("token_embedding.weight", &[text.vocabulary, width])?,
            positional_embedding: weights
                .take("positional_embedding", &[text.context_length, width])?,
            transformer: Transformer::load(weights, "transformer", tower, Attention::Causal)?,
            ln_final: LayerNorm::load(weights, "ln_final", tower)?,
            projection: weights.take("text_projection", &[width, embed_dim])?,
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
        let rows = table.index_select(&index, 0)?;
        Ok(rows.to_dtype(DType::F32)?)
    }

    /// Prompt embeddings `[N, T, width]`, `T ≤ context_length`, with the slot of
    /// each end of text → text features `[N, embed_dim]` in f32, not normalised.
    ///
    /// The attention is causal and only the end of text is read, so a prompt
    /// may be cut right behind the longest one: the result is the same.
    pub fn forward(&self, prompts: &Tensor, end_of_text: &[u32]) -> Result<Tensor> {
        let _span = trace_span!("text").entered();
        let weights = self.weights()?;
        let (count, length, width) = prompts.dims3()?;
        if length > self.context_length() || end_of_text.len() != count {
            return Err(Error::setting(
                "the prompts' shape",
                format!(
                    "{:?} with {} ends of text",
                    prompts.dims(),
                    end_of_text.len()
                ),
                format!(
                    "[N, at most {}, {width}] with N ends",
                    self.context_length()
                ),
            ));
        }
        let positions = weights.positional_embedding.narrow(0, 0, length)?;
        let prompts = prompts.to_dtype(positions.dtype())?;
        let x = weights
            .transformer
            .forward(&prompts.broadcast_add(&positions)?)?;
        let rows: Vec<u32> = (0u32..)
            .zip(end_of_text)
            .map(|(prompt, end)| prompt * length as u32 + end)
            .collect();
        let rows = Tensor::new(rows, prompts.device())?;
        let x = x.reshape((count * length, width))?.index_select(&rows, 0)?; // [N, width]
        let x = weights.ln_final.forward(&x)?;
        let features = ops::linear(&x, &weights.projection.t()?, None)?;
        Ok(features.to_dtype(DType::F32)?)
    }
}
