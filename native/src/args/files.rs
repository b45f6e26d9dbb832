//! Arguments of the commands on files of weights.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};
use clipwright_shared::checkpoint::ModelType;
use clipwright_shared::clip::Naming;

use super::ModelArgs;

#[derive(Debug, Group)]
pub struct Inspect {
    /// A file of weights, a model's folder, or the name of a model in the Hub's cache
    pub file: String,
    /// List every tensor
    #[arg(long)]
    pub tensors: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Group)]
pub struct Convert {
    /// A file of weights, a model's folder, or the name of a model in the Hub's cache
    pub model: String,
    /// A .safetensors file, or a folder that gets the file and its configuration
    #[arg(long)]
    pub out: PathBuf,
    /// Names of the tensors [default: those of the model]
    #[arg(long, value_enum)]
    pub naming: Option<NamingArg>,
    /// Element type
    #[arg(long, value_enum, default_value_t = DtypeArg::F32)]
    pub dtype: DtypeArg,
    /// One of the encoders alone [default: both]
    #[arg(long, value_enum)]
    pub only: Option<Encoder>,
    /// Replace what is there
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Group)]
pub struct Features {
    #[command(flatten)]
    pub model: ModelArgs,
    /// An image file; may be given several times
    #[arg(long)]
    pub image: Vec<PathBuf>,
    /// A text; may be given several times
    #[arg(long)]
    pub text: Vec<String>,
    /// Cut texts that are longer than the context length, instead of refusing them
    #[arg(long)]
    pub truncate: bool,
    /// Divide each feature by its length
    #[arg(long)]
    pub normalise: bool,
    /// Safetensors file to write: image_features and text_features
    #[arg(long)]
    pub out: PathBuf,
}

/// How tensors are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NamingArg {
    /// openai/CLIP's state dict
    Openai,
    /// transformers' CLIPModel
    HuggingFace,
    /// open_clip's native layout: OpenAI's names, and its own configuration
    OpenClip,
    /// open_clip's CustomTextCLIP
    OpenClipCustomText,
}

impl From<NamingArg> for Naming {
    fn from(naming: NamingArg) -> Self {
        match naming {
            NamingArg::Openai | NamingArg::OpenClip => Self::OpenAi,
            NamingArg::HuggingFace => Self::HuggingFace,
            NamingArg::OpenClipCustomText => Self::OpenClipCustomText,
        }
    }
}

/// The element type to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DtypeArg {
    F32,
    F16,
    Bf16,
    /// Matrices in eight bits with a scale for each output channel: a quarter of f32
    Int8,
}

impl From<DtypeArg> for ModelType {
    fn from(dtype: DtypeArg) -> Self {
        match dtype {
            DtypeArg::F32 => Self::F32,
            DtypeArg::F16 => Self::F16,
            DtypeArg::Bf16 => Self::Bf16,
            DtypeArg::Int8 => Self::Int8,
        }
    }
}

/// One half of a CLIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoder {
    Image,
    Text,
}
