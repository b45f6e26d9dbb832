//! `clipwright tune`, `clipwright sweep tune`.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group, Subcommand, ValueEnum};
use clipwright_shared::tuning::Loss;
use serde::{Deserialize, Serialize};

use super::{ModelArgs, TableFormat};
use crate::data::{Split, Subset};

/// Where a context starts and what it is tuned on.
#[derive(Debug, Clone, Group)]
pub struct TuneOn {
    #[command(flatten)]
    pub model: ModelArgs,
    /// CoOp's context to start from: a learned file, run folder or CoOp's checkpoint
    #[arg(long, conflicts_with_all = ["ctx_init", "n_ctx"])]
    pub learned: Option<PathBuf>,
    /// Words to start from, `[CLS]` among them for the class name [default: a photo of a]
    #[arg(long, value_name = "WORDS", conflicts_with = "n_ctx")]
    pub ctx_init: Option<String>,
    /// Start from this many vectors of noise instead of words
    #[arg(long)]
    pub n_ctx: Option<usize>,
    /// Folder of images (DIR/<class>/… or DIR/{train,val,test}/<class>/…), a list, or with
    /// --dataset the folder of that data set
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// A data set by name: `clipwright data list`
    #[arg(long)]
    pub dataset: Option<String>,
    /// Part of the data [default: test if the data have one, else all]
    #[arg(long, value_enum)]
    pub split: Option<Split>,
    /// Classes to tell apart
    #[arg(long, value_enum, default_value_t = Subset::All)]
    pub subset: Subset,
    /// Tune on this many images, drawn with the seed [default: all]
    #[arg(long)]
    pub samples: Option<usize>,
    /// Seed of the order of images, of views, and of a context of noise
    #[arg(long, default_value_t = 1337)]
    pub seed: u64,
    /// Run folder to write
    #[arg(long)]
    pub out: PathBuf,
    /// Start anew where there is a run already
    #[arg(long)]
    pub overwrite: bool,
    /// Images shown in the report: those that gained and lost most
    #[arg(long, default_value_t = 12)]
    pub pages: usize,
    /// Record work that comes again on a GPU, and replay it
    #[arg(long, num_args = 0..=1, default_value_t = true, default_missing_value = "true",
          action = ArgAction::Set)]
    pub replay: bool,
}

/// How an image is tuned on. What is left out comes from the preset.
#[derive(Debug, Clone, Default, Group)]
pub struct TuneHow {
    /// Named settings of the notebook
    #[arg(long, value_enum, default_value_t = TunePreset::Notebook)]
    pub preset: TunePreset,
    #[arg(long, value_enum)]
    pub augmenter: Option<AugmenterArg>,
    /// Views beside the image itself; with patches, copies of the image and of each patch
    #[arg(long)]
    pub views: Option<usize>,
    /// Patches: the largest square number up to this
    #[arg(long)]
    pub patches: Option<usize>,
    /// How far a patch reaches over its cell, as a share of the cell
    #[arg(long)]
    pub overlap: Option<f64>,
    /// Mix views with AugMix
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub augmix: Option<bool>,
    /// AugMix's severity, 1 to 10
    #[arg(long)]
    pub severity: Option<usize>,
    /// What a step makes smaller
    #[arg(long, value_parser = loss)]
    pub loss: Option<Loss>,
    #[arg(long)]
    pub lr: Option<f64>,
    #[arg(long)]
    pub weight_decay: Option<f64>,
    /// Steps on each image
    #[arg(long)]
    pub steps: Option<usize>,
    /// The most confident share of all views that counts
    #[arg(long)]
    pub select: Option<f64>,
    /// The most confident share of a patch's views that counts
    #[arg(long)]
    pub select_patch: Option<f64>,
    /// How fast a patch loses weight with its entropy (patch_loss6)
    #[arg(long)]
    pub alpha: Option<f64>,
}

/// A loss by the notebook's name.
fn loss(name: &str) -> Result<Loss, String> {
    let found = Loss::ALL.into_iter().find(|loss| loss.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = Loss::ALL.iter().map(|loss| loss.name()).collect();
        let nearest = crate::settings::did_you_mean(name, names.iter().copied());
        format!("{nearest} The losses are {}", names.join(", "))
    })
}

/// Settings that the notebook runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TunePreset {
    /// Its default: 63 crops, mixed with severity 2, defaultTPT
    #[default]
    Notebook,
    /// The same without AugMix, as the paper of test-time prompt tuning
    Tpt,
    /// 63 mixed crops, crossentropy_hard1
    Hard1,
    /// 16 patches and 4 mixed copies of each, patch_loss1
    Patches,
    /// 16 patches that overlap by 0.8, 4 mixed copies of each, defaultTPT
    Overlap,
    /// The same with crossentropy_hard1
    OverlapHard1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum AugmenterArg {
    /// Random crops of the image
    Views,
    /// Parts of the image in a grid
    Patches,
}

#[derive(Debug, Group)]
pub struct Tune {
    #[command(flatten)]
    pub on: TuneOn,
    #[command(flatten)]
    pub how: TuneHow,
    /// Class names of images without labels, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Go on with an interrupted run of the same settings
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Images to tune on instead of --data
    pub images: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Sweep {
    /// Tune with every combination of losses, augmenters, patches and overlaps
    Tune(SweepTune),
}

#[derive(Debug, Group)]
pub struct SweepTune {
    #[command(flatten)]
    pub on: TuneOn,
    #[command(flatten)]
    pub how: TuneHow,
    /// The grid of one of the notebook's tables; may be given several times
    #[arg(long, value_enum)]
    pub table: Vec<NotebookTable>,
    /// Losses of the grid, separated by commas
    #[arg(long, value_parser = loss, value_delimiter = ',')]
    pub losses: Vec<Loss>,
    /// Augmenters of the grid, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    pub augmenters: Vec<AugmenterArg>,
    /// Patches of the grid with their copies, such as 16x4,32x2
    #[arg(long, value_delimiter = ',')]
    pub grids: Vec<String>,
    /// Overlaps of the grid, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub overlaps: Vec<f64>,
    /// Form of the tables on standard output; all forms are written into --out
    #[arg(long, value_enum, default_value_t = TableFormat::Terminal)]
    pub format: TableFormat,
}

/// A table of the notebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NotebookTable {
    /// Losses on views
    Losses,
    /// Patches × overlap
    Overlap,
    /// crossentropy_hard1 with patches
    Hard1,
}
