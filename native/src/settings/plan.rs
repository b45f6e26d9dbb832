//! A training with every setting filled in and checked, as it is written into the run
//! folder.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{
    Blocks, ClassTokenPosition, ContextInit, CoopSettings, EncoderLora, LoraSettings, Method,
    Scaling,
};
use clipwright_shared::train::{OptimizerSettings, Schedule, Warmup, WarmupKind, cosine_per_step};
use clipwright_shared::views::RandomResizedCrop;
use serde::Serialize;

use super::typed::{
    Augment, DecayEach, EncoderArg, MethodArg, OptimizerArg, ScheduleArg, Settings, Shots,
    WarmupArg,
};
use crate::args::Precision;
use crate::data::Subset;
use crate::problem::problem;

/// A resolved training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    pub method: Method,
    pub preset: String,
    pub model: String,
    pub device: String,
    pub precision: Precision,
    pub data: PathBuf,
    pub dataset: Option<String>,
    pub shots: Option<usize>,
    pub seed: u64,
    pub subset: Subset,
    pub learner: LearnerPlan,
}

/// What is learned, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LearnerPlan {
    LinearProbe(Probe),
    Context(Box<Context>),
    Adapter(Box<Adapter>),
}

/// A linear probe.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Probe {
    /// Inverse strength of the penalty; `None` searches it.
    pub c: Option<f64>,
}

/// A context of CoOp or CoCoOp.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Context {
    pub coop: CoopSettings,
    pub training: TrainingPlan,
}

/// Adapters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adapter {
    pub lora: LoraSettings,
    pub logit_scale: f64,
    /// `None` is the data set's.
    pub template: Option<String>,
    pub dropout: f64,
    pub synthetic: Option<Synthetic>,
    pub mixup: f64,
    pub cutmix: f64,
    pub training: TrainingPlan,
}

/// Synthetic images beside the real ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Synthetic {
    pub folder: PathBuf,
    /// Weight of the real images' loss.
    pub lambda: f64,
}

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
    pub label_smoothing: f64,
    pub validate: bool,
    pub patience: Option<usize>,
    /// Prompts encoded together; `None` goes by the model's size.
    pub prompts_at_once: Option<usize>,
}

/// How long a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    Epochs(usize),
    Steps(usize),
}

impl Plan {
    /// Fills in and checks `settings`.
    ///
    /// # Errors
    /// If a setting is missing or makes no sense, with what would.
    pub fn resolve(method: MethodArg, preset: String, settings: &Settings) -> Result<Self> {
        let missing = |what: &str| {
            problem(
                format!("{what} is missing"),
                format!("give it as --{what}, or as a line of --config FILE"),
            )
        };
        let seed = settings.seed.unwrap_or(1);
        let shots = shots(settings)?;
        let learner = match method {
            MethodArg::LinearProbe => LearnerPlan::LinearProbe(Probe {
                c: settings.c.map(|c| positive("c", c)).transpose()?,
            }),
            MethodArg::Coop | MethodArg::Cocoop => LearnerPlan::Context(Box::new(Context {
                coop: coop(settings, seed)?,
                training: training(settings, shots)?,
            })),
            MethodArg::Lora => LearnerPlan::Adapter(Box::new(adapter(settings, seed, shots)?)),
        };
        Ok(Self {
            method: method.into(),
            preset,
            model: settings.model.clone().ok_or_else(|| missing("model"))?,
            device: settings.device.clone().unwrap_or_else(|| "cpu".into()),
            precision: settings.precision.unwrap_or_default(),
            data: settings.data.clone().ok_or_else(|| missing("data"))?,
            dataset: settings.dataset.clone(),
            shots,
            seed,
            subset: settings.subset.unwrap_or(Subset::All),
            learner,
        })
    }

    /// Makes it the plan of another seed.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
        match &mut self.learner {
            LearnerPlan::LinearProbe(_) => {}
            LearnerPlan::Context(context) => {
                if let ContextInit::Random { seed: first } = &mut context.coop.init {
                    *first = seed;
                }
            }
            LearnerPlan::Adapter(adapter) => adapter.lora.seed = seed,
        }
    }

    /// The training's part, if it goes in steps.
    pub fn training(&self) -> Option<&TrainingPlan> {
        match &self.learner {
            LearnerPlan::LinearProbe(_) => None,
            LearnerPlan::Context(context) => Some(&context.training),
            LearnerPlan::Adapter(adapter) => Some(&adapter.training),
        }
    }

    /// The method's name, with what differs from the published one.
    pub fn title(&self) -> String {
        let title = self.method.title();
        match (&self.learner, self.method) {
            (LearnerPlan::Context(context), Method::CoCoOp) if context.training.batch > 1 => {
                format!("{title} (batched steps)")
            }
            (LearnerPlan::Context(context), _) if context.coop.class_specific => {
                format!("{title} (CSC)")
            }
            (LearnerPlan::Adapter(adapter), _) if adapter.synthetic.is_some() => "DISEF".into(),
            _ => title.into(),
        }
    }
}

impl TrainingPlan {
    /// Steps of an epoch over `images`. Of incomplete batches with `drop_last` only
    /// those behind a whole one are left out, as in Dassl.
    pub fn steps_per_epoch(&self, images: usize) -> usize {
        match self.drop_last && images >= self.batch {
            true => images / self.batch,
            false => images.div_ceil(self.batch),
        }
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
                    decay: clipwright_shared::train::Decay::Cosine,
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

/// The one number of shots, if any.
fn shots(settings: &Settings) -> Result<Option<usize>> {
    match settings.shots.as_ref().map(Shots::numbers) {
        None => Ok(None),
        Some([one]) => Ok(Some(at_least_one("shots", *one)?)),
        Some(several) => refuse(
            "shots",
            format!("{several:?}"),
            "one number (few-shot takes several)",
        ),
    }
}

fn coop(settings: &Settings, seed: u64) -> Result<CoopSettings> {
    let words = settings.ctx_init.as_deref().map(str::trim);
    let init = match words {
        Some(words) if !words.is_empty() => ContextInit::Words(words.into()),
        _ => ContextInit::Random { seed },
    };
    if settings.csc == Some(true) && matches!(init, ContextInit::Words(_)) {
        return Err(problem(
            "--csc with --ctx-init",
            "words start one context that all classes share, as in CoOp's code: leave out one of both",
        ));
    }
    Ok(CoopSettings {
        n_ctx: settings.n_ctx.unwrap_or(4),
        class_specific: settings.csc.unwrap_or(false),
        position: settings
            .class_token_position
            .map_or(ClassTokenPosition::End, Into::into),
        init,
    })
}

fn adapter(settings: &Settings, seed: u64, shots: Option<usize>) -> Result<Adapter> {
    let sizes = EncoderLora {
        rank: settings.rank.context("no rank")?,
        alpha: positive("alpha", settings.alpha.context("no alpha")?)?,
    };
    let text = EncoderLora {
        rank: settings.text_rank.unwrap_or(sizes.rank),
        alpha: positive("text-alpha", settings.text_alpha.unwrap_or(sizes.alpha))?,
    };
    let encoder = settings.encoder.unwrap_or(EncoderArg::Both);
    let mut projections: Vec<Projection> = settings
        .projections
        .iter()
        .flatten()
        .map(|&projection| projection.into())
        .collect();
    projections.sort();
    projections.dedup();
    let lora = LoraSettings {
        image: (encoder != EncoderArg::Text).then_some(sizes),
        text: (encoder != EncoderArg::Vision).then_some(text),
        projections,
        blocks: settings.blocks.map_or(Blocks::All, Into::into),
        scaling: settings.scaling.map_or(Scaling::AlphaOverRank, Into::into),
        seed,
    };
    let lambda = share("lambda", settings.lambda.unwrap_or(0.8))?;
    let template = settings.template.clone().filter(|own| own != "dataset");
    Ok(Adapter {
        lora,
        logit_scale: positive("logit-scale", settings.logit_scale.unwrap_or(100.0))?,
        template,
        dropout: below_one("dropout", settings.dropout.unwrap_or(0.0))?,
        synthetic: settings
            .synthetic
            .clone()
            .map(|folder| Synthetic { folder, lambda }),
        mixup: not_negative("mixup", settings.mixup.unwrap_or(0.0))?,
        cutmix: not_negative("cutmix", settings.cutmix.unwrap_or(0.0))?,
        training: training(settings, shots)?,
    })
}

fn training(settings: &Settings, shots: Option<usize>) -> Result<TrainingPlan> {
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
        label_smoothing: below_one("label-smoothing", settings.label_smoothing.unwrap_or(0.0))?,
        validate: settings.validate.unwrap_or(false) || settings.patience.is_some(),
        patience: settings.patience,
        prompts_at_once: settings
            .prompts_at_once
            .map(|prompts| at_least_one("prompts-at-once", prompts))
            .transpose()?,
    })
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

fn refuse<T>(name: &str, got: impl std::fmt::Display, expected: &str) -> Result<T> {
    Err(problem(
        format!("--{name} is {got}"),
        format!("expected {expected}"),
    ))
}

fn at_least_one(name: &str, value: usize) -> Result<usize> {
    match value {
        0 => refuse(name, value, "at least 1"),
        _ => Ok(value),
    }
}

fn positive(name: &str, value: f64) -> Result<f64> {
    match value.is_finite() && value > 0.0 {
        true => Ok(value),
        false => refuse(name, value, "a positive number such as 2e-3"),
    }
}

fn not_negative(name: &str, value: f64) -> Result<f64> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(value),
        false => refuse(name, value, "0 or a positive number"),
    }
}

fn below_one(name: &str, value: f64) -> Result<f64> {
    match (0.0..1.0).contains(&value) {
        true => Ok(value),
        false => refuse(name, value, "0 or more, and less than 1"),
    }
}

fn share(name: &str, value: f64) -> Result<f64> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => refuse(name, value, "between 0 and 1"),
    }
}
