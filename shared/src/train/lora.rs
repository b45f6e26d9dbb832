//! CLIP-LoRA and DISEF in training: pixels → updated adapters.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::parts::backward_by_parts;
use super::steps::{Batch, Steps};
use super::targets::Answered;
use super::{Input, OptimizerSettings, State, StepReport, Targets, Trainer};
use crate::clip::{Adapter, Clip, LaidOutTokens, TokenRow, logits, normalise};
use crate::error::Result;
use crate::learners::{Learner, Lora};
use crate::ops::Dropout;

/// Adapters in training.
pub struct LoraTrainer {
    learning: Learning,
    steps: Steps,
    /// Seed of the drops.
    seed: u64,
    /// How many steps have been made.
    made: u64,
}

/// All of it that a step does not change, but the adapters, which are variables.
struct Learning {
    clip: Clip,
    lora: Lora,
    variables: Vec<Var>,
    /// The prompt of each class, some classes at a time.
    parts: Vec<LaidOutTokens>,
    /// Text features that no step changes.
    fixed_text: Option<Tensor>,
    /// Share of the adapters' inputs that is dropped.
    dropout: f64,
}

/// How [`LoraTrainer`] trains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoraTraining {
    pub optimizer: OptimizerSettings,
    /// Share of the adapters' inputs that is dropped.
    pub dropout: f64,
    /// Seed of the drops.
    pub seed: u64,
    /// Classes whose prompts are encoded together; it bounds the memory of a step and,
    /// but for which values are dropped, does not change its result.
    pub classes_at_once: usize,
}

impl LoraTrainer {
    /// Starts from `lora`; `rows` are the prompts of its classes in label order.
    pub fn new(
        clip: &Clip,
        lora: Lora,
        rows: Vec<TokenRow>,
        training: LoraTraining,
    ) -> Result<Self> {
        let mut lora = lora;
        let mut variables = Vec::new();
        for tensor in lora.adapter.tensors_mut() {
            let variable = Var::from_tensor(&tensor.detach())?;
            *tensor = variable.as_tensor().clone();
            variables.push(variable);
        }
        let of_text = clip.adapted(&lora.adapter.with_dropout(training.dropout, 0, None))?;
        let parts: Vec<LaidOutTokens> = rows
            .chunks(training.classes_at_once.max(1))
            .map(|rows| of_text.lay_out_tokens(rows))
            .collect::<Result<_>>()?;
        let fixed_text = match lora.adapter.text.is_empty() {
            true => Some(encode(clip, &parts)?.detach()),
            false => None,
        };
        Ok(Self {
            steps: Steps::of(training.optimizer.start(variables.clone())),
            learning: Learning {
                clip: clip.clone(),
                lora,
                parts,
                fixed_text,
                variables,
                dropout: training.dropout,
            },
            seed: training.seed,
            made: 0,
        })
    }

    /// Logits `[B, n_classes]` with `adapter` on; differentiable in its tensors.
    pub fn logits(&self, adapter: &Adapter, pixels: &Tensor) -> Result<Tensor> {
        let learning = &self.learning;
        let clip = learning.clip.adapted(adapter)?;
        let image = normalise(&clip.image.forward(pixels)?)?;
        let text = match &learning.fixed_text {
            Some(text) => text.clone(),
            None => encode(&clip, &learning.parts)?,
        };
        logits(&image, &text, learning.lora.facts.logit_scale)
    }

    /// The adapter in training: its tensors are the variables.
    pub fn adapter(&self) -> &Adapter {
        &self.learning.lora.adapter
    }

    /// The seeds of the next step's drops, its own for each part of the classes.
    fn seeds(&self) -> Vec<u64> {
        let step = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.made;
        let parts = 0..self.learning.parts.len().max(1) as u64;
        parts.map(|part| step ^ (part << 40)).collect()
    }
}

impl Learning {
    /// The loss of a batch, and its gradients; what is dropped is drawn from `seeds`, or the
    /// keys that lie on the device.
    fn answer(
        &self,
        pixels: &Tensor,
        targets: &Targets,
        seeds: &[u64],
        keys: Option<&Tensor>,
    ) -> Result<(Answered, GradStore)> {
        let scale = self.lora.facts.logit_scale;
        let dropping = |part: usize| {
            let key = keys.map(|keys| keys.get(part)).transpose()?;
            let adapter = &self.lora.adapter;
            let adapter = adapter.with_dropout(self.dropout, seeds[part], key.as_ref());
            self.clip.adapted(&adapter)
        };
        let of_images = dropping(0)?;
        backward_by_parts(
            &self.variables,
            match self.fixed_text {
                Some(_) => 1,
                None => self.parts.len(),
            },
            |part| match &self.fixed_text {
                Some(text) => Ok(text.clone()),
                None => normalise(&dropping(part)?.encode_laid_out(&self.parts[part])?),
            },
            |text| {
                let image = normalise(&of_images.image.forward(pixels)?)?;
                let logits = logits(&image, &Tensor::cat(text, 0)?, scale)?;
                targets.answered(&logits)
            },
        )
    }
}

/// Normalised text features `[n_classes, embed_dim]`.
fn encode(clip: &Clip, parts: &[LaidOutTokens]) -> Result<Tensor> {
    let parts = parts
        .iter()
        .map(|tokens| normalise(&clip.encode_laid_out(tokens)?));
    Ok(Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?)
}

impl Trainer for LoraTrainer {
    fn input(&self) -> Input {
        Input::Pixels
    }

    fn step(&mut self, pixels: &Tensor, targets: &Targets, lr: f64) -> Result<StepReport> {
        let seeds = self.seeds();
        let keys: Vec<_> = match self.learning.dropout > 0.0 {
            true => seeds.iter().copied().map(Dropout::key_of).collect(),
            false => Vec::new(),
        };
        let batch = Batch {
            input: pixels,
            targets,
            keys: &keys,
        };
        let answer = |pixels: &Tensor, targets: &Targets, keys: Option<&Tensor>| {
            self.learning.answer(pixels, targets, &seeds, keys)
        };
        let report = self.steps.step(batch, lr, answer)?;
        self.made += 1;
        Ok(report)
    }

    fn record(&mut self, is_recorded: bool) {
        self.steps.record(is_recorded);
    }

    fn learner(&self) -> Result<Learner> {
        let mut lora = self.learning.lora.clone();
        for tensor in lora.adapter.tensors_mut() {
            *tensor = tensor.copy()?.detach();
        }
        Ok(Learner::Lora(lora))
    }

    fn state(&self) -> Result<State> {
        let mut state = self.steps.state()?;
        state.put_number("steps", self.made);
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.steps.restore(state)?;
        self.made = state.number("steps")?;
        Ok(())
    }
}
