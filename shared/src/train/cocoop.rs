//! One CoCoOp step: image features and labels → an updated context and net.

use candle_core::{Tensor, Var};

use super::{Sgd, StepReport, update};
use crate::clip::Clip;
use crate::error::Result;
use crate::learners::{CoCoOp, PromptTokens, Prompts};

/// A context and its net in training.
pub struct CoCoOpTrainer {
    cocoop: CoCoOp,
    prompts: Prompts,
    /// Momentum and weight decay are CoOp's unless changed here.
    pub optimizer: Sgd,
}

impl CoCoOpTrainer {
    /// Starts from `cocoop`; `tokens` are those of its classes.
    pub fn new(clip: &Clip, cocoop: &CoCoOp, tokens: &PromptTokens) -> Result<Self> {
        let mut cocoop = cocoop.clone();
        let mut variables = Vec::new();
        let net = &mut cocoop.meta_net;
        for tensor in [
            &mut cocoop.coop.context,
            &mut net.linear1_weight,
            &mut net.linear1_bias,
            &mut net.linear2_weight,
            &mut net.linear2_bias,
        ] {
            let variable = Var::from_tensor(tensor)?;
            *tensor = variable.as_tensor().clone();
            variables.push(variable);
        }
        Ok(Self {
            prompts: cocoop.coop.prompts(clip, tokens)?,
            cocoop,
            optimizer: Sgd::new(variables, 0.9, 5e-4),
        })
    }

    /// One step on normalised image features `[B, embed_dim]` and labels `[B]`
    /// (u32). The published method has `B = 1`.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] if the loss is no longer a number; what is learned
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

    /// Logits `[B, n_classes]` of normalised image features `[B, embed_dim]`.
    pub fn logits(&self, clip: &Clip, image_features: &Tensor) -> Result<Tensor> {
        self.cocoop.logits(clip, &self.prompts, image_features)
    }

    /// What is in training: its tensors are the variables.
    pub fn cocoop(&self) -> &CoCoOp {
        &self.cocoop
    }
}
