//! CoCoOp: a context that a small net moves for each image (Zhou et al. 2022,
//! "Conditional Prompt Learning for Vision-Language Models").

use candle_core::Tensor;

use super::coop::text_features;
use super::{Coop, Prompts};
use crate::clip::{Clip, logits};
use crate::error::Result;
use crate::ops;

/// A context and the net that moves it.
#[derive(Debug, Clone)]
pub struct CoCoOp {
    /// The context, shared by all classes, before any image.
    pub coop: Coop,
    pub meta_net: MetaNet,
}

/// Image feature → one shift for every context vector: two linear layers with a
/// ReLU between them.
#[derive(Debug, Clone)]
pub struct MetaNet {
    pub linear1_weight: Tensor, // [hidden, embed_dim]
    pub linear1_bias: Tensor,   // [hidden]
    pub linear2_weight: Tensor, // [width, hidden]
    pub linear2_bias: Tensor,   // [width]
}

impl MetaNet {
    /// Normalised image features `[B, embed_dim]` → shifts `[B, width]`.
    pub fn forward(&self, features: &Tensor) -> Result<Tensor> {
        let hidden = ops::linear(features, &self.linear1_weight, Some(&self.linear1_bias))?;
        let hidden = hidden.relu()?;
        Ok(ops::linear(
            &hidden,
            &self.linear2_weight,
            Some(&self.linear2_bias),
        )?)
    }

    /// The tensors with the names of CoCoOp's state dict.
    pub fn tensors(&self) -> [(&'static str, &Tensor); 4] {
        [
            ("meta_net.linear1.weight", &self.linear1_weight),
            ("meta_net.linear1.bias", &self.linear1_bias),
            ("meta_net.linear2.weight", &self.linear2_weight),
            ("meta_net.linear2.bias", &self.linear2_bias),
        ]
    }
}

impl CoCoOp {
    /// The context for each image: normalised image features `[B, embed_dim]` →
    /// `[B, n_ctx, width]`.
    pub fn contexts(&self, features: &Tensor) -> Result<Tensor> {
        let shifts = self.meta_net.forward(features)?.unsqueeze(1)?; // [B, 1, width]
        Ok(self.coop.context.unsqueeze(0)?.broadcast_add(&shifts)?)
    }

    /// Logits `[B, n_classes]` of normalised image features `[B, embed_dim]`: each
    /// image has text features of its own. Differentiable in the context and the
    /// net.
    pub fn logits(&self, clip: &Clip, prompts: &Prompts, features: &Tensor) -> Result<Tensor> {
        let scale = clip.logit_scale()?;
        let contexts = self.contexts(features)?;
        let rows = (0..features.dim(0)?)
            .map(|image| {
                let context = contexts.narrow(0, image, 1)?.squeeze(0)?;
                let text = text_features(clip, prompts, &context)?;
                logits(&features.narrow(0, image, 1)?, &text, scale)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Tensor::cat(&rows, 0)?)
    }
}
