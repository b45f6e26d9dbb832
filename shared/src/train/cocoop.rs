//! CoCoOp in training: image features → an updated context and net.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::parts::{backward, backward_by_parts};
use super::steps::{Batch, Steps};
use super::targets::Answered;
use super::{Input, OptimizerSettings, State, StepReport, Targets, Trainer};
use crate::clip::{Clip, logits};
use crate::error::Result;
use crate::learners::{CoCoOp, Learner, PromptTokens, Prompts, text_features};

/// A context and its net in training.
pub struct CoCoOpTrainer {
    learning: Learning,
    steps: Steps,
}

/// What gradients are of.
struct Learning {
    clip: Clip,
    cocoop: CoCoOp,
    variables: Vec<Var>,
    /// Prompts of all classes.
    prompts: Prompts,
    /// The same classes, some at a time.
    parts: Vec<Prompts>,
    /// Whether a batch's images share one forward.
    prompts_at_once: usize,
}

impl CoCoOpTrainer {
    /// Starts from `cocoop`; `tokens` are those of its classes. At most
    /// `prompts_at_once` prompts are encoded together, which bounds the memory of a
    /// step and does not change its result.
    pub fn new(
        clip: &Clip,
        cocoop: &CoCoOp,
        tokens: &PromptTokens,
        prompts_at_once: usize,
        optimizer: OptimizerSettings,
    ) -> Result<Self> {
        let mut cocoop = cocoop.clone();
        let mut variables = Vec::new();
        for tensor in cocoop.tensors_mut() {
            let variable = Var::from_tensor(&tensor.detach())?;
            *tensor = variable.as_tensor().clone();
            variables.push(variable);
        }
        let prompts_at_once = prompts_at_once.max(1);
        let parts = (0..tokens.classes())
            .step_by(prompts_at_once)
            .map(|first| {
                let tokens = tokens.part(first, prompts_at_once);
                cocoop.coop.prompts(clip, &tokens)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            steps: Steps::of(optimizer.start(variables.clone())),
            learning: Learning {
                clip: clip.clone(),
                prompts: cocoop.coop.prompts(clip, tokens)?,
                parts,
                prompts_at_once,
                variables,
                cocoop,
            },
        })
    }

    /// Logits `[B, n_classes]` of normalised image features `[B, embed_dim]`.
    pub fn logits(&self, image_features: &Tensor) -> Result<Tensor> {
        self.learning.logits(image_features)
    }

    /// What is in training: its tensors are the variables.
    pub fn cocoop(&self) -> &CoCoOp {
        &self.learning.cocoop
    }
}

impl Learning {
    fn logits(&self, features: &Tensor) -> Result<Tensor> {
        self.cocoop.logits(&self.clip, &self.prompts, features)
    }

    /// Loss and gradients of a batch.
    fn answer(&self, features: &Tensor, targets: &Targets) -> Result<(Answered, GradStore)> {
        let prompts = features.dim(0)? * self.prompts.classes();
        if prompts > self.prompts_at_once {
            return self.answer_by_parts(features, targets);
        }
        let answered = targets.answered(&self.logits(features)?)?;
        let gradients = backward(&answered.loss)?;
        Ok((answered, gradients))
    }

    /// The same with one image's classes in memory at a time, or fewer.
    fn answer_by_parts(
        &self,
        features: &Tensor,
        targets: &Targets,
    ) -> Result<(Answered, GradStore)> {
        let images = features.dim(0)?;
        let scale = self.clip.logit_scale()?;
        let per_image = self.parts.len();
        backward_by_parts(
            &self.variables,
            images * per_image,
            |at| {
                let image = features.narrow(0, at / per_image, 1)?;
                let context = self.cocoop.contexts(&image)?.squeeze(0)?;
                text_features(&self.clip, &self.parts[at % per_image], &context)
            },
            |text| {
                let rows = text
                    .chunks(per_image)
                    .enumerate()
                    .map(|(image, text)| {
                        let feature = features.narrow(0, image, 1)?;
                        logits(&feature, &Tensor::cat(text, 0)?, scale)
                    })
                    .collect::<Result<Vec<_>>>()?;
                targets.answered(&Tensor::cat(&rows, 0)?)
            },
        )
    }
}

impl Trainer for CoCoOpTrainer {
    fn input(&self) -> Input {
        Input::Features
    }

    /// The published method has batches of one image.
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
        let mut cocoop = self.learning.cocoop.clone();
        for tensor in cocoop.tensors_mut() {
            *tensor = tensor.copy()?.detach();
        }
        Ok(Learner::CoCoOp(cocoop))
    }

    fn state(&self) -> Result<State> {
        self.steps.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.steps.restore(state)
    }
}
