//! CoOp in training: image features → an updated context.

use candle_core::{Tensor, Var};

use super::parts::backward_by_parts;
use super::{Input, Optimizer, OptimizerSettings, State, StepReport, Targets, Trainer, update};
use crate::clip::{Clip, logits, normalise};
use crate::error::Result;
use crate::learners::{Coop, Learner, PromptTokens, Prompts, text_features};

/// A context in training.
pub struct CoopTrainer {
    clip: Clip,
    coop: Coop,
    context: Var,
    parts: Vec<Part>,
    optimizer: Optimizer,
}

/// Classes whose prompts are encoded together.
struct Part {
    first: usize,
    prompts: Prompts,
}

impl CoopTrainer {
    /// Starts from `coop`; `tokens` are those of its classes, encoded
    /// `classes_at_once` together, which bounds the memory of a step and does not
    /// change its result.
    pub fn new(
        clip: &Clip,
        coop: Coop,
        tokens: &PromptTokens,
        classes_at_once: usize,
        optimizer: OptimizerSettings,
    ) -> Result<Self> {
        let context = Var::from_tensor(&coop.context.detach())?;
        let mut parts = Vec::new();
        for first in (0..tokens.classes()).step_by(classes_at_once.max(1)) {
            let tokens = tokens.part(first, classes_at_once);
            let prompts = coop.prompts(clip, &tokens)?;
            parts.push(Part { first, prompts });
        }
        Ok(Self {
            clip: clip.clone(),
            parts,
            optimizer: optimizer.start(vec![context.clone()]),
            context,
            coop,
        })
    }

    /// Normalised text features `[classes, embed_dim]` of one part.
    fn part_features(&self, part: &Part) -> Result<Tensor> {
        let context = match self.coop.class_specific() {
            true => {
                let classes = part.prompts.classes();
                self.context.narrow(0, part.first, classes)?
            }
            false => self.context.as_tensor().clone(),
        };
        text_features(&self.clip, &part.prompts, &context)
    }

    /// Logits `[B, n_classes]` of normalised image features `[B, embed_dim]`;
    /// differentiable in [`Self::context`].
    pub fn logits(&self, image_features: &Tensor) -> Result<Tensor> {
        let parts = self.parts.iter().map(|part| self.part_features(part));
        let text = Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?;
        logits(image_features, &text, self.clip.logit_scale()?)
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

impl Trainer for CoopTrainer {
    fn input(&self) -> Input {
        Input::Features
    }

    fn step(&mut self, features: &Tensor, targets: &Targets, lr: f64) -> Result<StepReport> {
        let scale = self.clip.logit_scale()?;
        let answered = backward_by_parts(
            std::slice::from_ref(&self.context),
            self.parts.len(),
            |part| self.part_features(&self.parts[part]),
            |text| {
                let logits = logits(features, &Tensor::cat(text, 0)?, scale)?;
                targets.answered(&logits)
            },
        )?;
        update(&mut self.optimizer, answered, lr)
    }

    fn learner(&self) -> Result<Learner> {
        self.coop().map(Learner::Coop)
    }

    fn state(&self) -> Result<State> {
        let mut state = State::default();
        self.optimizer.save(&mut state)?;
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.optimizer.restore(state)
    }
}

/// Normalised image features of `pixels [B, 3, side, side]` → `[B, embed_dim]`.
pub fn image_features(clip: &Clip, pixels: &Tensor) -> Result<Tensor> {
    Ok(normalise(&clip.image.forward(pixels)?)?.detach())
}
