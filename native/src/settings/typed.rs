//! Every setting as it is typed: a flag, or a line of a TOML file under the same name.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{Blocks, ClassTokenPosition, Method, Scaling};
use serde::{Deserialize, Serialize};

use crate::args::Precision;
use crate::data::Subset;

/// A method that is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MethodArg {
    /// Logistic regression on image features
    LinearProbe,
    /// Learned context vectors in place of a template's words
    Coop,
    /// A context that a small net moves for each image
    Cocoop,
    /// Low-rank adapters on the attention of the encoders (CLIP-LoRA, DISEF)
    Lora,
}

impl From<MethodArg> for Method {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::LinearProbe => Self::LinearProbe,
            MethodArg::Coop => Self::Coop,
            MethodArg::Cocoop => Self::CoCoOp,
            MethodArg::Lora => Self::Lora,
        }
    }
}

impl MethodArg {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinearProbe => "linear-probe",
            Self::Coop => "coop",
            Self::Cocoop => "cocoop",
            Self::Lora => "lora",
        }
    }
}

/// What a training may be told. What is left out comes from the preset.
#[derive(Debug, Clone, Default, PartialEq, Group, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// `tiny` (the embedded model), a file of weights (safetensors, .pt, .bin), a
    /// model's folder, or the name of a model in the Hub's cache
    #[arg(long)]
    pub model: Option<String>,
    /// cpu, cuda or cuda:N [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// Float type that the model computes in, on CUDA also tf32 and bf16; what is learned
    /// stays in f32 [default: f32]
    #[arg(long, value_enum)]
    pub precision: Option<Precision>,
    /// Folder of images (DIR/<class>/… or DIR/{train,val,test}/<class>/…), a CSV or JSON
    /// list of them, or with --dataset the folder of that data set
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// A data set by name, in the layout that its authors document: `clipwright data list`
    #[arg(long)]
    pub dataset: Option<String>,
    /// Training images drawn per class [default: all of them]; several, separated by
    /// commas, for few-shot
    #[arg(long)]
    pub shots: Option<Shots>,
    /// Seed of the draw, of the first values, the crops and the order of batches [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Classes to learn on: the first half by name, the second half, or all [default: all]
    #[arg(long, value_enum)]
    pub subset: Option<Subset>,

    /// Number of context vectors
    #[arg(long, help_heading = "Context (coop, cocoop)")]
    pub n_ctx: Option<usize>,
    /// Start from these words instead of noise, one vector for each; `[CLS]` among them
    /// says where the class name stands; "" starts from noise
    #[arg(long, value_name = "WORDS", help_heading = "Context (coop, cocoop)")]
    pub ctx_init: Option<String>,
    /// Class-specific context: vectors of its own for each class
    #[arg(long, num_args = 0..=1, default_missing_value = "true",
          help_heading = "Context (coop, cocoop)")]
    pub csc: Option<bool>,
    /// Where the class name stands among the context vectors
    #[arg(long, value_enum, help_heading = "Context (coop, cocoop)")]
    pub class_token_position: Option<PositionArg>,

    /// Encoder to adapt
    #[arg(long, value_enum, help_heading = "Adapters (lora)")]
    pub encoder: Option<EncoderArg>,
    /// Attention projections to adapt, separated by commas
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        help_heading = "Adapters (lora)"
    )]
    pub projections: Option<Vec<ProjectionArg>>,
    /// Blocks to adapt
    #[arg(long, value_enum, help_heading = "Adapters (lora)")]
    pub blocks: Option<BlocksArg>,
    /// Rank of the adapters
    #[arg(long, help_heading = "Adapters (lora)")]
    pub rank: Option<usize>,
    /// Alpha of the adapters
    #[arg(long, help_heading = "Adapters (lora)")]
    pub alpha: Option<f64>,
    /// Rank in the text encoder [default: as --rank]
    #[arg(long, help_heading = "Adapters (lora)")]
    pub text_rank: Option<usize>,
    /// Alpha in the text encoder [default: as --alpha]
    #[arg(long, help_heading = "Adapters (lora)")]
    pub text_alpha: Option<f64>,
    /// What alpha is divided by
    #[arg(long, value_enum, help_heading = "Adapters (lora)")]
    pub scaling: Option<ScalingArg>,
    /// Share of the adapters' inputs dropped in training
    #[arg(long, help_heading = "Adapters (lora)")]
    pub dropout: Option<f64>,
    /// Factor on the cosine
    #[arg(long, help_heading = "Adapters (lora)")]
    pub logit_scale: Option<f64>,
    /// Prompt with {} for the class name; `dataset` takes the data set's own
    #[arg(long, help_heading = "Adapters (lora)")]
    pub template: Option<String>,
    /// Folder of synthetic images, one folder for each class
    #[arg(long, value_name = "DIR", help_heading = "Adapters (lora)")]
    pub synthetic: Option<PathBuf>,
    /// Weight of the real images' loss; the synthetic ones' is the rest
    #[arg(long, help_heading = "Adapters (lora)")]
    pub lambda: Option<f64>,
    /// Mixup: alpha of the Beta distribution of shares; 0 is off
    #[arg(long, value_name = "ALPHA", help_heading = "Adapters (lora)")]
    pub mixup: Option<f64>,
    /// CutMix: alpha of the Beta distribution of areas; 0 is off
    #[arg(long, value_name = "ALPHA", help_heading = "Adapters (lora)")]
    pub cutmix: Option<f64>,

    /// Inverse strength of the penalty [default: searched on the validation images]
    #[arg(
        long,
        value_name = "C",
        help_heading = "Logistic regression (linear-probe)"
    )]
    pub c: Option<f64>,

    /// Passes over the training images [default of coop: 50 for 1 shot, 100 for 2 to 4,
    /// 200 for more; always 50 on imagenet]
    #[arg(long, help_heading = "Training", conflicts_with_all = ["steps", "steps_per_shot"])]
    pub epochs: Option<usize>,
    /// Steps in all, instead of epochs
    #[arg(long, help_heading = "Training", conflicts_with = "steps_per_shot")]
    pub steps: Option<usize>,
    /// Steps for each shot, instead of epochs
    #[arg(long, help_heading = "Training")]
    pub steps_per_shot: Option<usize>,
    /// Images in a step
    #[arg(long, help_heading = "Training")]
    pub batch: Option<usize>,
    /// Leave out an epoch's last batch if it is not whole
    #[arg(long, num_args = 0..=1, default_missing_value = "true", help_heading = "Training")]
    pub drop_last: Option<bool>,
    #[arg(long, value_enum, help_heading = "Training")]
    pub optimizer: Option<OptimizerArg>,
    /// Highest learning rate
    #[arg(long, help_heading = "Training")]
    pub lr: Option<f64>,
    /// Learning rate that the decay ends at [default: 0]
    #[arg(long, help_heading = "Training")]
    pub lowest_lr: Option<f64>,
    /// Momentum of SGD
    #[arg(long, help_heading = "Training")]
    pub momentum: Option<f64>,
    #[arg(long, help_heading = "Training")]
    pub weight_decay: Option<f64>,
    /// How the learning rate falls
    #[arg(long, value_enum, help_heading = "Training")]
    pub schedule: Option<ScheduleArg>,
    /// When the learning rate falls
    #[arg(long, value_enum, help_heading = "Training")]
    pub decay_each: Option<DecayEach>,
    /// Epochs of warm-up
    #[arg(long, help_heading = "Training")]
    pub warmup_epochs: Option<usize>,
    /// How the warm-up goes
    #[arg(long, value_enum, help_heading = "Training")]
    pub warmup: Option<WarmupArg>,
    /// Learning rate of the warm-up, or of its first epoch
    #[arg(long, help_heading = "Training")]
    pub warmup_lr: Option<f64>,
    /// Views of the training images
    #[arg(long, value_enum, help_heading = "Training")]
    pub augment: Option<Augment>,
    /// An approximation: this many crops of each image, encoded once and seen in turn,
    /// instead of new ones in every epoch [default: none]
    #[arg(long, help_heading = "Training")]
    pub cache_views: Option<usize>,
    /// Share of a label given to all classes evenly [default: 0]
    #[arg(long, help_heading = "Training")]
    pub label_smoothing: Option<f64>,
    /// Measure validation accuracy after each epoch
    #[arg(long, num_args = 0..=1, default_missing_value = "true", help_heading = "Training")]
    pub validate: Option<bool>,
    /// Stop once more epochs than this in a row have not improved validation accuracy,
    /// and keep the best weights
    #[arg(long, help_heading = "Training")]
    pub patience: Option<usize>,
    /// Prompts encoded together in a step: a bound on memory that changes nothing but
    /// which values a dropout takes [default: by the model's size]
    #[arg(long, help_heading = "Training")]
    pub prompts_at_once: Option<usize>,
    /// Record a step that comes again on a GPU, and replay it [default: true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", help_heading = "Training")]
    pub replay: Option<bool>,
}

/// One number of shots, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shots {
    One(usize),
    Several(Vec<usize>),
}

impl std::str::FromStr for Shots {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split(',')
            .map(|number| number.trim().parse::<usize>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "expected a number, or numbers separated by commas".to_string())?;
        Ok(match *numbers {
            [one] => Self::One(one),
            _ => Self::Several(numbers),
        })
    }
}

impl Shots {
    /// All of them.
    pub fn numbers(&self) -> &[usize] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// Where the class name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PositionArg {
    Front,
    Middle,
    End,
}

impl From<PositionArg> for ClassTokenPosition {
    fn from(position: PositionArg) -> Self {
        match position {
            PositionArg::Front => Self::Front,
            PositionArg::Middle => Self::Middle,
            PositionArg::End => Self::End,
        }
    }
}

/// How training images are varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Augment {
    /// A random resized crop and flip, new in every epoch
    Crop,
    /// The test view only
    None,
}

/// Which encoders get adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderArg {
    Text,
    Vision,
    Both,
}

/// A projection of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ProjectionArg {
    /// Queries
    Q,
    /// Keys
    K,
    /// Values
    V,
    /// Output
    O,
}

impl From<ProjectionArg> for Projection {
    fn from(projection: ProjectionArg) -> Self {
        match projection {
            ProjectionArg::Q => Self::Query,
            ProjectionArg::K => Self::Key,
            ProjectionArg::V => Self::Value,
            ProjectionArg::O => Self::Output,
        }
    }
}

/// What alpha is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ScalingArg {
    /// alpha / rank (LoRA's paper, PEFT, DISEF)
    Rank,
    /// alpha / √rank (CLIP-LoRA, rsLoRA)
    RootRank,
}

impl From<ScalingArg> for Scaling {
    fn from(scaling: ScalingArg) -> Self {
        match scaling {
            ScalingArg::Rank => Self::AlphaOverRank,
            ScalingArg::RootRank => Self::AlphaOverRootRank,
        }
    }
}

/// The blocks that get adapters, by CLIP-LoRA's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum BlocksArg {
    All,
    /// The last one
    Top1,
    /// The last two
    Top2,
    /// The last three
    Top3,
    /// The first third
    Bottom,
    /// The second third
    Mid,
    /// The last third
    Up,
    /// The first half
    HalfBottom,
    /// The second half
    HalfUp,
}

impl From<BlocksArg> for Blocks {
    fn from(blocks: BlocksArg) -> Self {
        match blocks {
            BlocksArg::All => Self::All,
            BlocksArg::Top1 => Self::Top1,
            BlocksArg::Top2 => Self::Top2,
            BlocksArg::Top3 => Self::Top3,
            BlocksArg::Bottom => Self::Bottom,
            BlocksArg::Mid => Self::Mid,
            BlocksArg::Up => Self::Up,
            BlocksArg::HalfBottom => Self::HalfBottom,
            BlocksArg::HalfUp => Self::HalfUp,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerArg {
    /// With momentum
    Sgd,
    #[value(name = "adamw")]
    AdamW,
}

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleArg {
    /// A half cosine
    Cosine,
    /// Not at all
    Constant,
}

/// When the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DecayEach {
    Epoch,
    Step,
}

/// How the warm-up goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum WarmupArg {
    /// At its learning rate all the time
    Constant,
    /// Rising to the highest learning rate
    Linear,
}
