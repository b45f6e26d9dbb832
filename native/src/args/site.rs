//! Arguments of `clipwright site`.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use clipwright_shared::checkpoint::ModelType;
use clipwright_shared::learners::DEFAULT_TEMPLATE;

use super::Unsaid;

#[derive(Debug, Group)]
pub struct Site {
    /// `tiny` (the embedded model), a file of weights, a model's folder, or the name of a
    /// model in the Hub's cache
    #[arg(long)]
    pub model: String,
    /// What was learned on it: learned.safetensors, a run folder, CoOp's model.pth.tar-N,
    /// CLIP-LoRA's .pt, a PEFT folder; may be given several times [default: zero-shot
    /// alone]
    #[arg(long)]
    pub learned: Vec<PathBuf>,
    #[command(flatten)]
    pub unsaid: Unsaid,
    /// Class names that the page tells apart, separated by commas [default: those that
    /// were learned]
    #[arg(long, value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Zero-shot prompt with {} for the class name; may be given several times, which
    /// averages their text features
    #[arg(long, default_value = DEFAULT_TEMPLATE)]
    pub template: Vec<String>,
    /// Folder to write, which must be new or empty
    #[arg(long)]
    pub out: PathBuf,
    /// Element type of the weights
    #[arg(long, value_enum, default_value_t = SiteDtype::F32)]
    pub dtype: SiteDtype,
    /// Title of the page [default: the class names]
    #[arg(long)]
    pub title: Option<String>,
    /// The built page [default: `page` beside this program, or a checkout's web/dist]
    #[arg(long)]
    pub page: Option<PathBuf>,
}

/// The element type of a site's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SiteDtype {
    /// The same answers as here
    F32,
    /// Half the size; probabilities differ in the third digit or later
    F16,
    /// A quarter of the size; probabilities differ by a few percent where classes are near
    Int8,
}

impl From<SiteDtype> for ModelType {
    fn from(dtype: SiteDtype) -> Self {
        match dtype {
            SiteDtype::F32 => Self::F32,
            SiteDtype::F16 => Self::F16,
            SiteDtype::Int8 => Self::Int8,
        }
    }
}
