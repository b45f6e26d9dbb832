//! One CLIP-LoRA step: pixels and labels → updated adapters.

use candle_core::{Tensor, Var};

use super::{AdamW, StepReport, update};
use crate::clip::{Adapter, Clip, TokenRow, logits, normalise};
use crate::error::Result;

/// Adapters in training.
pub struct LoraTrainer {
    clip: Clip,
    adapter: Adapter,
    /// The prompt of each class.
    rows: Vec<TokenRow>,
    /// Text features that no step changes.
    fixed_text: Option<Tensor>,
    pub optimizer: AdamW,
    /// The factor on the cosine; the references take 100, whatever the model says.
    pub logit_scale: f64,
    /// Share of the adapters' inputs that is dropped.
    pub dropout: f64,
    /// Seed of the drops.
    pub seed: u64,
    steps: u64,
}

impl LoraTrainer {
    /// Starts from `adapter`; `rows` are the prompts of the classes in label order.
    /// The optimiser is CLIP-LoRA's: AdamW with a weight decay of 1e-2.
    pub fn new(clip: &Clip, adapter: &Adapter, rows: Vec<TokenRow>) -> Result<Self> {
        let mut adapter = adapter.clone();
        let mut variables = Vec::new();
        for tensor in adapter.tensors_mut() {
            let variable = Var::from_tensor(tensor)?;
            *tensor = variable.as_tensor().clone();
            variables.push(variable);
        }
        let fixed_text = match adapter.text.is_empty() {
            true => Some(normalise(&clip.encode_tokens(&rows)?)?.detach()),
            false => None,
        };
        Ok(Self {
            clip: clip.clone(),
            adapter,
            rows,
            fixed_text,
            optimizer: AdamW::new(variables, 1e-2),
            logit_scale: 100.0,
            dropout: 0.0,
            seed: 0,
            steps: 0,
        })
    }

    /// One step on normalised pixels `[B, 3, side, side]` and labels `[B]` (u32).
    ///
    /// # Errors
    /// [`crate::Error::Setting`] if the loss is no longer a number; the adapters
    /// then keep their last good values.
    pub fn step(&mut self, pixels: &Tensor, labels: &Tensor, lr: f64) -> Result<StepReport> {
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.steps;
        let adapter = self.adapter.with_dropout(self.dropout, seed);
        let logits = self.logits(&adapter, pixels)?;
        let report = update(&mut self.optimizer, &logits, labels, lr)?;
        self.steps += 1;
        Ok(report)
    }

    /// Logits `[B, n_classes]` with `adapter` on; differentiable in its tensors.
    pub fn logits(&self, adapter: &Adapter, pixels: &Tensor) -> Result<Tensor> {
        let clip = self.clip.adapted(adapter)?;
        let image = normalise(&clip.image.forward(pixels)?)?;
        let text = match &self.fixed_text {
            Some(text) => text.clone(),
            None => normalise(&clip.encode_tokens(&self.rows)?)?,
        };
        logits(&image, &text, self.logit_scale)
    }

    /// The adapter in training: its tensors are the variables.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// What has been learned so far.
    pub fn learned(&self) -> Result<Adapter> {
        let mut adapter = self.adapter.clone();
        for tensor in adapter.tensors_mut() {
            *tensor = tensor.copy()?.detach();
        }
        Ok(adapter)
    }
}
