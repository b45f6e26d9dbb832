//! CoOp in training: image features → an updated context.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::parts::backward_by_parts;
use super::steps::{Batch, Steps};
use super::targets::Answered;
use super::{Input, OptimizerSettings, State, StepReport, Targets, Trainer};
use crate::clip::{Clip, logits, normalise};
use crate::error::Result;
use crate::learners::{Coop, Learner, PromptTokens, Prompts, text_features};

/// A context in training.
pub struct CoopTrainer {
    learning: Learning,
    steps: Steps,
}

/// What gradients are of.
struct Learning {
    clip: Clip,
    coop: Coop,
    context: Var,
    parts: Vec<Part>,
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
            steps: Steps::of(optimizer.start(vec![context.clone()])),
            learning: Learning {
                clip: clip.clone(),
                parts,
                context,
                coop,
            },
        })
    }

    /// Logits `[B, n_classes]` of normalised image features `[B, embed_dim]`;
    /// differentiable in [`Self::context`].
    pub fn logits(&self, image_features: &Tensor) -> Result<Tensor> {
        self.learning.logits(image_features)
    }

    /// The context as a variable.
    pub fn context(&self) -> &Var {
        &self.learning.context
    }

    /// What has been learned so far.
    pub fn coop(&self) -> Result<Coop> {
        let Learning { coop, context, .. } = &self.learning;
        Ok(Coop {
            context: context.as_tensor().copy()?.detach(),
            ..coop.clone()
        })
    }
}

impl Learning {
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

    fn logits(&self, image_features: &Tensor) -> Result<Tensor> {
        let parts = self.parts.iter().map(|part| self.part_features(part));
        let text = Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?;
        logits(image_features, &text, self.clip.logit_scale()?)
    }

    /// Loss and gradients of a batch.
    fn answer(&self, features: &Tensor, targets: &Targets) -> Result<(Answered, GradStore)> {
        let scale = self.clip.logit_scale()?;
        backward_by_parts(
            std::slice::from_ref(&self.context),
            self.parts.len(),
            |part| self.part_features(&self.parts[part]),
            |text| {
                let logits = logits(features, &Tensor::cat(text, 0)?, scale)?;
                targets.answered(&logits)
            },
        )
    }
}

impl Trainer for CoopTrainer {
    fn input(&self) -> Input {
        Input::Features
    }

    fn step(&mut self, features: &Tensor, targets: &Targets, lr: f64) -> Result<StepReport> {
        let batch = Batch {
            input: features,
            targets,
            keys: &[],
        };
        let answer = |features: &Tensor, targets: &Targets, _: Option<&Tensor>| {
            self.learning.answer(features, targets)
        };
        self.steps.step(batch, lr, answer)
    }

    fn record(&mut self, is_recorded: bool) {
        self.steps.record(is_recorded);
    }

    fn learner(&self) -> Result<Learner> {
        self.coop().map(Learner::Coop)
    }

    fn state(&self) -> Result<State> {
        self.steps.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.steps.restore(state)
    }
}

/// Normalised image features of `pixels [B, 3, side, side]` → `[B, embed_dim]`.
pub fn image_features(clip: &Clip, pixels: &Tensor) -> Result<Tensor> {
    Ok(normalise(&clip.image.forward(pixels)?)?.detach())
}
