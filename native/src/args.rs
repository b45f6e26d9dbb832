//! The command line as it is typed.

mod bench;
mod data;
mod files;
mod hub;
mod learned;
mod protocol;
mod site;
mod synthetic;
mod train;
mod tune;

pub use bench::{Bench, BenchLoading, BenchTraining, LoadedView};
pub use data::{Check, Data, DataList, Generate, Samples};
pub use files::{Convert, DtypeArg, Encoder, Features, Inspect, NamingArg};
pub use hub::{Models, Pull};
pub use learned::{Explain, Export, FormArg, Unsaid};
pub use protocol::{BaseToNew, FewShot, TableFormat, Transfer};
pub use site::{Site, SiteDtype};
pub use synthetic::{Filter, PlanSynthetic, Synthetic};
pub use train::{Chosen, Presets, Train};
pub use tune::{AugmenterArg, NotebookTable, Sweep, SweepTune, Tune, TuneHow, TuneOn, TunePreset};

use std::path::PathBuf;

use candle_core::DType;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clipwright_shared::learners::DEFAULT_TEMPLATE;
use serde::{Deserialize, Serialize};

use crate::data::{Split, Subset};

/// Learn prompts and adapters for CLIP, and hand them to a browser.
#[derive(Debug, Parser)]
#[command(name = "clipwright", version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Learn from labelled images
    Train(Train),
    /// Learn on the first half of the classes, measure on both: a table over seeds
    BaseToNew(BaseToNew),
    /// Learn from few images of each class, then more: a table and a chart over seeds
    FewShot(FewShot),
    /// Measure what was learned on one data set on others
    CrossDataset(Transfer),
    /// Measure what was learned on one data set on shifted versions of it
    DomainShift(Transfer),
    /// Tune a context on each image alone, before its prediction (test-time prompt tuning)
    Tune(Tune),
    /// Run a grid of settings, with one table of the results
    #[command(subcommand)]
    Sweep(Sweep),
    /// Which synthetic images to make, and which of them to keep (DISEF)
    #[command(subcommand)]
    Synthetic(Synthetic),
    /// List the presets of `train --preset`, or print one
    Presets(Presets),
    /// Rank class names for images
    Classify(Classify),
    /// Measure accuracy on a folder of labelled images
    Eval(Eval),
    /// Write the encoders' features of images and texts as tensors
    Features(Features),
    /// Say what a file of weights is
    Inspect(Inspect),
    /// Write a model as safetensors, in another naming or type, or one encoder of it
    Convert(Convert),
    /// Write what was learned in another program's form
    Export(Export),
    /// Say what was learned: nearest words of context vectors, norms of layers
    Explain(Explain),
    /// Download a model from the Hugging Face Hub into its cache
    Pull(Pull),
    /// List short names of models, and what of the Hub is in the cache
    Models(Models),
    /// Check data sets, list those known by name, make images of the embedded world
    #[command(subcommand)]
    Data(Data),
    /// Where the time goes of a training, or of loading images
    #[command(subcommand)]
    Bench(Bench),
    /// Train the embedded model from scratch
    Pretrain(Pretrain),
    /// Write a page of your own classifier: a folder that any file host serves
    Site(Site),
    /// Serve a folder, such as the built page, on this machine only
    Serve(Serve),
}

/// Which model, on which device.
#[derive(Debug, Clone, Group)]
pub struct ModelArgs {
    /// `tiny` (the embedded model), a file of weights (safetensors, .pt, .bin), a
    /// model's folder, or the name of a model in the Hub's cache
    #[arg(long)]
    pub model: String,
    /// cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Float type that the model computes in; all but f32 are approximate
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    pub precision: Precision,
}

/// A float type to compute in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    #[default]
    F32,
    /// On CUDA only: values in f32, but products of matrices round what they multiply to
    /// 11 bits (TensorFloat-32)
    Tf32,
    F16,
    /// On CUDA only
    Bf16,
}

impl Precision {
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 | Self::Tf32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }
}

#[derive(Debug, Group)]
pub struct Classify {
    #[command(flatten)]
    pub model: ModelArgs,
    /// What was learned, to rank by beside zero-shot: learned.safetensors, CoOp's
    /// model.pth.tar-N, CLIP-LoRA's .pt, a PEFT folder; may be given several times
    #[arg(long)]
    pub learned: Vec<PathBuf>,
    #[command(flatten)]
    pub unsaid: Unsaid,
    /// Class names, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub classes: Vec<String>,
    /// Zero-shot prompt with {} for the class name; may be given several times, which
    /// averages their text features
    #[arg(long, default_value = DEFAULT_TEMPLATE)]
    pub template: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// PNG, JPEG, WebP, GIF or BMP files
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
}

#[derive(Debug, Group)]
pub struct Eval {
    #[command(flatten)]
    pub model: ModelArgs,
    /// What was learned, to measure: learned.safetensors, CoOp's model.pth.tar-N,
    /// CLIP-LoRA's .pt, a PEFT folder [default: zero-shot]
    #[arg(long)]
    pub learned: Option<PathBuf>,
    #[command(flatten)]
    pub unsaid: Unsaid,
    /// Folder of images (DIR/<class>/… or DIR/{train,val,test}/<class>/…), a CSV or JSON
    /// list of them, or with --dataset the folder of that data set
    #[arg(long)]
    pub data: PathBuf,
    /// A data set by name: `clipwright data list`
    #[arg(long)]
    pub dataset: Option<String>,
    /// Part of the data [default: test if the data have one, else all]
    #[arg(long, value_enum)]
    pub split: Option<Split>,
    /// Classes to tell apart: the first half by name, the second half, or all
    #[arg(long, value_enum, default_value_t = Subset::All)]
    pub subset: Subset,
    /// Zero-shot prompt with {} for the class name; may be given several times, which
    /// averages their text features [default: the data set's]
    #[arg(long)]
    pub template: Vec<String>,
    /// Zero-shot with CoOp's ensemble of templates
    #[arg(long, conflicts_with = "template")]
    pub ensemble: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Group)]
pub struct Pretrain {
    /// Safetensors file to write
    #[arg(long)]
    pub out: PathBuf,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[arg(long, default_value_t = 2400)]
    pub steps: usize,
    /// Image–caption pairs in a step
    #[arg(long, default_value_t = 128)]
    pub batch: usize,
    /// Highest learning rate
    #[arg(long, default_value_t = 1e-3)]
    pub lr: f64,
    /// Share of the patches seen in the first nine tenths of the steps
    #[arg(long, default_value_t = 0.5)]
    pub kept_patches: f64,
}

#[derive(Debug, Group)]
pub struct Serve {
    /// Folder to serve
    pub folder: PathBuf,
    /// Port on the loopback address; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
}
