//! `clipwright synthetic`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

use super::ModelArgs;
use crate::data::Subset;

#[derive(Debug, Subcommand)]
pub enum Synthetic {
    /// How many synthetic images each class needs, by its F1 on validation images
    Plan(PlanSynthetic),
    /// Keep the images that the model takes for their class
    Filter(Filter),
}

#[derive(Debug, Group)]
pub struct PlanSynthetic {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Learned file to measure with [default: zero-shot]
    #[arg(long)]
    pub learned: Option<PathBuf>,
    /// Folder of images, a list, or with --dataset the folder of that data set
    #[arg(long)]
    pub data: PathBuf,
    /// A data set by name: `clipwright data list`
    #[arg(long)]
    pub dataset: Option<String>,
    /// Classes that take part
    #[arg(long, value_enum, default_value_t = Subset::All)]
    pub subset: Subset,
    /// Classes with a lower F1 get images
    #[arg(long, default_value_t = clipwright_shared::eval::F1_THRESHOLD)]
    pub threshold: f64,
    /// Images for each of these
    #[arg(long, default_value_t = 32)]
    pub per_class: usize,
    /// Write the plan as JSON to this file too
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Group)]
pub struct Filter {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Learned file to filter with [default: zero-shot]
    #[arg(long)]
    pub learned: Option<PathBuf>,
    /// Folder of synthetic images, one folder for each class
    #[arg(long)]
    pub images: PathBuf,
    /// Class names to tell apart, if there are more than folders, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Zero-shot prompt with {} for the class name
    #[arg(long, default_value = clipwright_shared::learners::DEFAULT_TEMPLATE)]
    pub template: String,
    /// Rejections of a class after which its images are kept unseen
    #[arg(long, default_value_t = 100)]
    pub waive_after: usize,
    /// Most images kept of a class [default: all that pass]
    #[arg(long)]
    pub per_class: Option<usize>,
    /// Folder to write: OUT/<class>/… and OUT/discarded/<class>/predicted_<other>/…
    #[arg(long)]
    pub out: PathBuf,
}
