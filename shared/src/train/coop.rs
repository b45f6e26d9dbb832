//! One CoOp step: image features and labels → an updated context.

use candle_core::{D, DType, Tensor, Var};

use super::{Optimizer, Sgd, check_loss};
use crate::clip::{Clip, logits, normalise};
use crate::error::Result;
use crate::learners::{Coop, PromptTokens, Prompts, text_features};
use crate::ops::cross_entropy;

/// What a step saw, before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Mean cross-entropy of the batch, in nats.
    pub loss: f32,
    /// Images of the batch whose highest logit was their label's.
    pub correct: usize,
}

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
        let loss = cross_entropy(&logits, labels)?;
        let report = StepReport {
            loss: loss.to_scalar()?,
            correct: correct(&logits, labels)?,
        };
        check_loss(report.loss)?;
        self.optimizer.step(&loss.backward()?, lr)?;
        Ok(report)
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

/// How many rows of `logits [B, n_classes]` are highest at their label.
pub(super) fn correct(logits: &Tensor, labels: &Tensor) -> Result<usize> {
    let hits = logits
        .argmax(D::Minus1)?
        .eq(&labels.to_dtype(DType::U32)?)?;
    Ok(hits.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()? as usize)
}

/// Normalised image features of `pixels [B, 3, side, side]` → `[B, embed_dim]`.
pub fn image_features(clip: &Clip, pixels: &Tensor) -> Result<Tensor> {
    Ok(normalise(&clip.image.forward(pixels)?)?.detach())
}
