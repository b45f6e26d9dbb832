//! How a training goes on: its length, its optimiser, its learning rate at every step.

use anyhow::{Context as _, Result};
use clipwright_shared::train::{
    Decay, OptimizerSettings, Schedule, Warmup, WarmupKind, cosine_per_step, steps_per_epoch,
};
use clipwright_shared::views::RandomResizedCrop;
use serde::Serialize;

use super::checks::{at_least_one, below_one, not_negative, positive};
use super::typed::{Augment, DecayEach, OptimizerArg, ScheduleArg, Settings, WarmupArg};
use crate::problem::problem;

/// How a training goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainingPlan {
    pub length: Length,
    pub batch: usize,
    pub drop_last: bool,
    pub optimizer: OptimizerSettings,
    pub lr: f64,
    pub lowest_lr: f64,
    pub schedule: ScheduleArg,
    pub decay_each: DecayEach,
    pub warmup: Option<Warmup>,
    /// Random crops, new in every epoch; `None` takes the test view.
    pub augment: Option<RandomResizedCrop>,
    /// Crops of each image that are encoded once and seen in turn; `None` encodes new
    /// ones in every epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_views: Option<usize>,
    pub label_smoothing: f64,
    pub validate: bool,
    pub patience: Option<usize>,
    /// Prompts encoded together; `None` goes by the model's size.
    pub prompts_at_once: Option<usize>,
    /// Whether a GPU replays steps that come again.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub replay: bool,
}

/// How long a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    Epochs(usize),
    Steps(usize),
}

impl TrainingPlan {
    /// Steps of an epoch over `images`. Of incomplete batches with `drop_last` only
    /// those behind a whole one are left out, as in Dassl.
    pub fn steps_per_epoch(&self, images: usize) -> usize {
        steps_per_epoch(images, self.batch, self.drop_last)
    }

    /// Steps in all.
    pub fn steps(&self, images: usize) -> usize {
        match self.length {
            Length::Epochs(epochs) => epochs * self.steps_per_epoch(images),
            Length::Steps(steps) => steps,
        }
    }

    /// Epochs in all; the last may be a part of one.
    pub fn epochs(&self, images: usize) -> usize {
        match self.length {
            Length::Epochs(epochs) => epochs,
            Length::Steps(steps) => steps.div_ceil(self.steps_per_epoch(images).max(1)),
        }
    }

    /// The learning rate of step `step` (of `steps`) in epoch `epoch` (of `epochs`), all
    /// counted from 0.
    pub fn learning_rate(&self, [epoch, epochs]: [usize; 2], [step, steps]: [usize; 2]) -> f64 {
        let in_warmup = self.warmup.is_some_and(|warmup| epoch < warmup.epochs);
        match (self.schedule, self.decay_each) {
            (ScheduleArg::Cosine, DecayEach::Step) if !in_warmup => {
                cosine_per_step(self.lr, self.lowest_lr, step, steps)
            }
            (ScheduleArg::Constant, _) if !in_warmup => self.lr,
            _ => {
                let schedule = Schedule {
                    lr: self.lr - self.lowest_lr,
                    epochs,
                    decay: Decay::Cosine,
                    warmup: self.warmup,
                };
                match in_warmup {
                    true => Schedule {
                        lr: self.lr,
                        ..schedule
                    }
                    .lr(epoch),
                    false => self.lowest_lr + schedule.lr(epoch),
                }
            }
        }
    }
}

/// Fills in and checks what `settings` say of the training.
pub(super) fn training(settings: &Settings, shots: Option<usize>) -> Result<TrainingPlan> {
    let weight_decay = not_negative("weight-decay", settings.weight_decay.unwrap_or(0.0))?;
    let optimizer = match settings.optimizer {
        Some(OptimizerArg::Sgd) => OptimizerSettings::Sgd {
            momentum: below_one("momentum", settings.momentum.unwrap_or(0.0))?,
            weight_decay,
        },
        _ => OptimizerSettings::adam_w(weight_decay),
    };
    let lr = positive("lr", settings.lr.context("no lr")?)?;
    let lowest_lr = not_negative("lowest-lr", settings.lowest_lr.unwrap_or(0.0))?;
    if lowest_lr > lr {
        return Err(problem(
            format!("lowest-lr is {lowest_lr}, above lr, which is {lr}"),
            format!("expected 0 to {lr}"),
        ));
    }
    let warmup_lr = positive("warmup-lr", settings.warmup_lr.unwrap_or(1e-5))?;
    let warmup = match settings.warmup_epochs.unwrap_or(0) {
        0 => None,
        epochs => Some(Warmup {
            epochs,
            kind: match settings.warmup {
                Some(WarmupArg::Linear) => WarmupKind::Linear(warmup_lr),
                _ => WarmupKind::Constant(warmup_lr),
            },
            recount: true,
        }),
    };
    Ok(TrainingPlan {
        length: length(settings, shots)?,
        batch: at_least_one("batch", settings.batch.unwrap_or(32))?,
        drop_last: settings.drop_last.unwrap_or(false),
        optimizer,
        lr,
        lowest_lr,
        schedule: settings.schedule.unwrap_or(ScheduleArg::Cosine),
        decay_each: settings.decay_each.unwrap_or(DecayEach::Epoch),
        warmup,
        augment: match settings.augment {
            Some(Augment::None) => None,
            _ => Some(RandomResizedCrop::default()),
        },
        cached_views: cached_views(settings)?,
        label_smoothing: below_one("label-smoothing", settings.label_smoothing.unwrap_or(0.0))?,
        validate: settings.validate.unwrap_or(false) || settings.patience.is_some(),
        patience: settings.patience,
        prompts_at_once: settings
            .prompts_at_once
            .map(|prompts| at_least_one("prompts-at-once", prompts))
            .transpose()?,
        replay: settings.replay.unwrap_or(true),
    })
}

/// How many crops are kept, which needs crops.
fn cached_views(settings: &Settings) -> Result<Option<usize>> {
    match (settings.cache_views, settings.augment) {
        (Some(_), Some(Augment::None)) => Err(problem(
            "cache-views is given, and the images are not cropped",
            "leave it out: without crops features are encoded once anyway",
        )),
        (views, _) => views
            .map(|views| at_least_one("cache-views", views))
            .transpose(),
    }
}

/// Epochs or steps. CoOp's epochs go by the number of shots (KaiyangZhou/CoOp README).
fn length(settings: &Settings, shots: Option<usize>) -> Result<Length> {
    if let Some(steps) = settings.steps {
        return Ok(Length::Steps(at_least_one("steps", steps)?));
    }
    if let Some(each) = settings.steps_per_shot {
        let each = at_least_one("steps-per-shot", each)?;
        let shots = shots.ok_or_else(|| {
            problem(
                format!("{each} steps for each shot, and shots are not given"),
                "give --shots, or the whole length with --steps or --epochs",
            )
        })?;
        return Ok(Length::Steps(each * shots));
    }
    if let Some(epochs) = settings.epochs {
        return Ok(Length::Epochs(at_least_one("epochs", epochs)?));
    }
    Ok(Length::Epochs(match (settings.dataset.as_deref(), shots) {
        (Some("imagenet"), _) | (_, Some(1)) => 50,
        (_, Some(2..=4)) => 100,
        _ => 200,
    }))
}
