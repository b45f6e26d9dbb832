//! A training with every setting filled in and checked, as it is written into the run
//! folder.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{
    Blocks, ClassTokenPosition, ContextInit, CoopSettings, EncoderLora, LoraSettings, Method,
    Scaling,
};
use serde::Serialize;

use super::checks::{at_least_one, below_one, not_negative, positive, refuse, share};
use super::training_plan::{TrainingPlan, training};
use super::typed::{EncoderArg, MethodArg, Settings, Shots};
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
        let mut differs = Vec::new();
        match &self.learner {
            LearnerPlan::Context(context) => {
                if self.method == Method::CoCoOp && context.training.batch > 1 {
                    differs.push("batched steps".to_string());
                }
                if context.coop.class_specific {
                    differs.push("CSC".into());
                }
                if let Some(views) = context.training.cached_views {
                    differs.push(format!("{views} cached views"));
                }
            }
            LearnerPlan::Adapter(adapter) if adapter.synthetic.is_some() => return "DISEF".into(),
            _ => {}
        }
        match differs.is_empty() {
            true => title.into(),
            false => format!("{title} ({})", differs.join(", ")),
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
    // Words are as many vectors as there are words.
    let n_ctx = match &init {
        ContextInit::Words(words) => {
            let words = words.replace('_', " ");
            words
                .split_whitespace()
                .filter(|word| *word != "[CLS]")
                .count()
        }
        ContextInit::Random { .. } => settings.n_ctx.unwrap_or(16),
    };
    Ok(CoopSettings {
        n_ctx,
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
