//! The command line as it is typed.

mod files;
mod hub;

pub use files::{Convert, DtypeArg, Encoder, Features, Inspect, NamingArg};
pub use hub::{Models, Pull};

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clipwright_shared::learners::{ClassTokenPosition, DEFAULT_TEMPLATE};

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
    /// Learn from a folder of labelled images
    #[command(subcommand)]
    Train(Train),
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
    /// Download a model from the Hugging Face Hub into its cache
    Pull(Pull),
    /// List short names of models, and what of the Hub is in the cache
    Models(Models),
    /// Make labelled images of the embedded model's world
    #[command(subcommand)]
    Data(Data),
    /// Train the embedded model from scratch
    Pretrain(Pretrain),
    /// Serve a folder, such as the built page, on this machine only
    Serve(Serve),
}

#[derive(Debug, Subcommand)]
pub enum Train {
    /// CoOp: learned context vectors in place of a template's words
    Coop(TrainCoop),
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
}

#[derive(Debug, Group)]
pub struct TrainCoop {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Folder of images: DIR/<class>/… or DIR/{train,val,test}/<class>/…
    #[arg(long)]
    pub data: PathBuf,
    /// Run folder to write
    #[arg(long)]
    pub out: PathBuf,
    /// Replace a finished run in the run folder
    #[arg(long)]
    pub overwrite: bool,
    /// Training images drawn per class [default: all of them]
    #[arg(long)]
    pub shots: Option<usize>,
    /// Seed of the draw, the first context, the crops and the order of batches
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Classes to learn on: the first half by name, the second half, or all
    #[arg(long, value_enum, default_value_t = Subset::All)]
    pub subset: Subset,
    /// Number of context vectors
    #[arg(long, default_value_t = 16)]
    pub n_ctx: usize,
    /// Start from these words instead of noise; sets the number of vectors
    #[arg(long, value_name = "WORDS", conflicts_with_all = ["n_ctx", "csc"])]
    pub ctx_init: Option<String>,
    /// Class-specific context: vectors of its own for each class
    #[arg(long)]
    pub csc: bool,
    /// Where the class name stands among the context vectors
    #[arg(long, value_enum, default_value_t = PositionArg::End)]
    pub class_token_position: PositionArg,
    /// Epochs [default: 50 for 1 shot, 100 for 2 to 4, 200 for more]
    #[arg(long)]
    pub epochs: Option<usize>,
    /// Highest learning rate
    #[arg(long, default_value_t = 2e-3)]
    pub lr: f64,
    /// Images in a step
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
    /// Views of the training images
    #[arg(long, value_enum, default_value_t = Augment::Crop)]
    pub augment: Augment,
}

/// Where the class name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Augment {
    /// A random resized crop and flip, new in every epoch
    Crop,
    /// The test view only, encoded once
    None,
}

#[derive(Debug, Group)]
pub struct Classify {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Learned file to rank by, beside zero-shot; may be given several times
    #[arg(long)]
    pub learned: Vec<PathBuf>,
    /// Class names, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub classes: Vec<String>,
    /// Zero-shot prompt with {} for the class name
    #[arg(long, default_value = DEFAULT_TEMPLATE)]
    pub template: String,
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
    /// Learned file to measure [default: zero-shot]
    #[arg(long)]
    pub learned: Option<PathBuf>,
    /// Folder of images: DIR/<class>/… or DIR/{train,val,test}/<class>/…
    #[arg(long)]
    pub data: PathBuf,
    /// Part of the data [default: test if the folder has one, else all]
    #[arg(long, value_enum)]
    pub split: Option<Split>,
    /// Classes to tell apart: the first half by name, the second half, or all
    #[arg(long, value_enum, default_value_t = Subset::All)]
    pub subset: Subset,
    /// Zero-shot prompt with {} for the class name
    #[arg(long, default_value = DEFAULT_TEMPLATE)]
    pub template: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Data {
    /// Write a domain as image folders: OUT/{train,val,test}/<class>/NNNN.png
    Generate(Generate),
    /// Write a few pictures and their class names for the page
    Samples(Samples),
}

#[derive(Debug, Group)]
pub struct Generate {
    /// world (as in pretraining) or shifted (sketched, noisy, unusual names)
    pub domain: String,
    /// Folder to write
    #[arg(long)]
    pub out: PathBuf,
    /// Pictures per class in train and in test; val has a quarter
    #[arg(long, default_value_t = 32)]
    pub per_class: usize,
    /// Side of a picture in pixels
    #[arg(long, default_value_t = 64)]
    pub side: usize,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Group)]
pub struct Samples {
    /// Folder to write
    #[arg(long)]
    pub out: PathBuf,
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
