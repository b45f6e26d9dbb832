//! Arguments of `clipwright bench`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};

use crate::settings::Settings;

/// What is timed.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Images read, decoded, cropped and normalised, without a model
    Loading(BenchLoading),
    /// A training of CoOp
    Coop(Box<BenchTraining>),
    /// A training of CoCoOp
    Cocoop(Box<BenchTraining>),
    /// A training of CLIP-LoRA
    Lora(Box<BenchTraining>),
    /// Nothing that goes in steps
    #[command(hide = true)]
    LinearProbe(Box<BenchTraining>),
}

#[derive(Debug, Group)]
pub struct BenchTraining {
    /// Settings of a paper or its code: `clipwright presets`
    #[arg(long)]
    pub preset: Option<String>,
    /// Classes to tell apart
    #[arg(long, default_value_t = 51)]
    pub classes: usize,
    /// Photographs of 500 × 375 pixels that are made up and trained on
    #[arg(long, default_value_t = 64)]
    pub images: usize,
    /// Write what was done when, for chrome://tracing or ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Settings as for `train`; 10 steps unless --steps or --epochs is given
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Group)]
pub struct BenchLoading {
    /// Folder of images (DIR/<class>/… or DIR/{train,val,test}/<class>/…), or a CSV or JSON
    /// list of them [default: photographs of 500 × 375 pixels that are made up]
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// How many photographs are made up
    #[arg(long, default_value_t = 64, conflicts_with = "data")]
    pub images: usize,
    /// View of each image
    #[arg(long, value_enum, default_value_t = LoadedView::Crop)]
    pub view: LoadedView,
    /// Edge of a view in pixels
    #[arg(long, default_value_t = 224)]
    pub side: u32,
    /// Images to a batch
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
    /// Threads that make batches [default: one for every core]
    #[arg(long)]
    pub threads: Option<usize>,
    /// How often all images are read; the median is told
    #[arg(long, default_value_t = 3)]
    pub passes: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A view of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LoadedView {
    /// A random part of it, flipped half of the time, as in training
    Crop,
    /// The centre of the whole, as in tests
    Centre,
}
