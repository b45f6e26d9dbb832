//! One CoOp step: image features and labels → an updated context.

use candle_core::{Tensor, Var};

use super::{Sgd, StepReport, update};
use crate::clip::{Clip, logits, normalise};
use crate::error::Result;
use crate::learners::{Coop, PromptTokens, Prompts, text_features};

/// A context in training.
pub struct CoopTrainer {
    coop: Coop,
    context: Var,
    prompts: Prompts,
    /// Momentum and weight decay are CoOp's unless changed here.
    pub optimizer: Sgd,
}

impl CoopTrainer {
    /// Starts from `coop`; `tokens` are those of its classes. Momentum and
    /// weight decay as in CoOp: 0.9 and 5e-4.
    pub fn new(clip: &Clip, coop: Coop, tokens: &PromptTokens) -> Result<Self> {
        let context = Var::from_tensor(&coop.context)?;
        Ok(Self {
            prompts: coop.prompts(clip, tokens)?,
            optimizer: Sgd::new(vec![context.clone()], 0.9, 5e-4),
            context,
            coop,
        })
    }

    /// One step on normalised image features `[B, embed_dim]` and labels `[B]`
    /// (u32).
    ///
    /// # Errors
    /// [`crate::Error::Setting`] if the loss is no longer a number; the context
    /// then keeps its last good value.
    pub fn step(
        &mut self,
        clip: &Clip,
        image_features: &Tensor,
        labels: &Tensor,
        lr: f64,
    ) -> Result<StepReport> {
        let logits = self.logits(clip, image_features)?;
        update(&mut self.optimizer, &logits, labels, lr)
    }

    /// Logits `[B, n_classes]` of normalised image features `[B, embed_dim]`;
    /// differentiable in [`Self::context`].
    pub fn logits(&self, clip: &Clip, image_features: &Tensor) -> Result<Tensor> {
        let text = text_features(clip, &self.prompts, self.context.as_tensor())?;
        logits(image_features, &text, clip.logit_scale()?)
    }

    /// The context as a variable.
    pub fn context(&self) -> &Var {
        &self.context
    }

    /// What has been learned so far.
    pub fn coop(&self) -> Result<Coop> {
        Ok(Coop {
            context: self.context.as_tensor().copy()?.detach(),
            ..self.coop.clone()
        })
    }
}

/// Normalised image features of `pixels [B, 3, side, side]` → `[B, embed_dim]`.
pub fn image_features(clip: &Clip, pixels: &Tensor) -> Result<Tensor> {
    Ok(normalise(&clip.image.forward(pixels)?)?.detach())
}
