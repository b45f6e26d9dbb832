//! CLIP-LoRA and DISEF in training: pixels → updated adapters.

use candle_core::{Tensor, Var};

use super::parts::backward_by_parts;
use super::{Input, Optimizer, OptimizerSettings, State, StepReport, Targets, Trainer, update};
use crate::clip::{Adapter, Clip, TokenRow, logits, normalise};
use crate::error::Result;
use crate::learners::{Learner, Lora};

/// Adapters in training.
pub struct LoraTrainer {
    clip: Clip,
    lora: Lora,
    variables: Vec<Var>,
    /// The prompt of each class, some classes at a time.
    parts: Vec<Vec<TokenRow>>,
    /// Text features that no step changes.
    fixed_text: Option<Tensor>,
    optimizer: Optimizer,
    /// Share of the adapters' inputs that is dropped.
    dropout: f64,
    /// Seed of the drops.
    seed: u64,
    steps: u64,
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
        let parts: Vec<Vec<TokenRow>> = rows
            .chunks(training.classes_at_once.max(1))
            .map(<[TokenRow]>::to_vec)
            .collect();
        let fixed_text = match lora.adapter.text.is_empty() {
            true => Some(encode(clip, &parts)?.detach()),
            false => None,
        };
        Ok(Self {
            clip: clip.clone(),
            lora,
            parts,
            fixed_text,
            optimizer: training.optimizer.start(variables.clone()),
            variables,
            dropout: training.dropout,
            seed: training.seed,
            steps: 0,
        })
    }

    /// Logits `[B, n_classes]` with `adapter` on; differentiable in its tensors.
    pub fn logits(&self, adapter: &Adapter, pixels: &Tensor) -> Result<Tensor> {
        let clip = self.clip.adapted(adapter)?;
        let image = normalise(&clip.image.forward(pixels)?)?;
        let text = match &self.fixed_text {
            Some(text) => text.clone(),
            None => encode(&clip, &self.parts)?,
        };
        logits(&image, &text, self.lora.facts.logit_scale)
    }

    /// The adapter in training: its tensors are the variables.
    pub fn adapter(&self) -> &Adapter {
        &self.lora.adapter
    }

    /// The adapter with this step's drops, its own for each part of the classes.
    fn dropped(&self, part: u64) -> Adapter {
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.steps ^ (part << 40);
        self.lora.adapter.with_dropout(self.dropout, seed)
    }
}

/// Normalised text features `[n_classes, embed_dim]`.
fn encode(clip: &Clip, parts: &[Vec<TokenRow>]) -> Result<Tensor> {
    let parts = parts
        .iter()
        .map(|rows| normalise(&clip.encode_tokens(rows)?));
    Ok(Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?)
}

impl Trainer for LoraTrainer {
    fn input(&self) -> Input {
        Input::Pixels
    }

    fn step(&mut self, pixels: &Tensor, targets: &Targets, lr: f64) -> Result<StepReport> {
        let scale = self.lora.facts.logit_scale;
        let clip = self.clip.adapted(&self.dropped(0))?;
        let answered = backward_by_parts(
            &self.variables,
            match self.fixed_text {
                Some(_) => 1,
                None => self.parts.len(),
            },
            |part| match &self.fixed_text {
                Some(text) => Ok(text.clone()),
                None => {
                    let clip = self.clip.adapted(&self.dropped(part as u64))?;
                    normalise(&clip.encode_tokens(&self.parts[part])?)
                }
            },
            |text| {
                let image = normalise(&clip.image.forward(pixels)?)?;
                let logits = logits(&image, &Tensor::cat(text, 0)?, scale)?;
                targets.answered(&logits)
            },
        )?;
        let report = update(&mut self.optimizer, answered, lr)?;
        self.steps += 1;
        Ok(report)
    }

    fn learner(&self) -> Result<Learner> {
        let mut lora = self.lora.clone();
        for tensor in lora.adapter.tensors_mut() {
            *tensor = tensor.copy()?.detach();
        }
        Ok(Learner::Lora(lora))
    }

    fn state(&self) -> Result<State> {
        let mut state = self.optimizer.state()?;
        state.put_number("steps", self.steps);
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.optimizer.restore(state)?;
        self.steps = state.number("steps")?;
        Ok(())
    }
}
