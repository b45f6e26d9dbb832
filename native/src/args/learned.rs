//! Arguments of the commands on learned files, and what files of other programs do not
//! say of themselves.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args as Group, ValueEnum};
use clipwright_shared::interop::{Form, ReadOptions};

use super::{DtypeArg, NamingArg};
use crate::settings::PositionArg;

/// What a learned file of another program may not say. Where it does, these are not
/// looked at.
#[derive(Debug, Clone, Default, Group)]
pub struct Unsaid {
    /// Where the class name stands among context vectors that CoOp learned [default: end]
    #[arg(long, value_enum)]
    pub class_token_position: Option<PositionArg>,
    /// The classes that were learned, in label order, separated by commas; or @FILE with
    /// one on each line
    #[arg(long, value_delimiter = ',')]
    pub class_names: Vec<String>,
    /// Alpha of LoRA layers that come without it [default: 32, as in DISEF]
    #[arg(long)]
    pub alpha: Option<f64>,
}

impl Unsaid {
    /// # Errors
    /// If the file of class names cannot be read.
    pub fn options(&self) -> Result<ReadOptions> {
        let class_names = match &self.class_names[..] {
            [] => None,
            [one] if one.starts_with('@') => {
                let path = &one[1..];
                let read = std::fs::read_to_string(path);
                let text = read.with_context(|| format!("cannot read {path}"))?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                Some(lines.map(String::from).collect())
            }
            names => Some(names.iter().map(|name| name.trim().to_string()).collect()),
        };
        Ok(ReadOptions {
            class_names,
            class_token_position: self.class_token_position.map(Into::into),
            alpha: self.alpha,
            ..ReadOptions::default()
        })
    }
}

#[derive(Debug, Group)]
pub struct Export {
    /// What was learned: learned.safetensors or its run folder, CoOp's or CoCoOp's
    /// model.pth.tar-N, CLIP-LoRA's .pt, or a PEFT adapter's folder
    #[arg(long)]
    pub learned: PathBuf,
    /// The form to write
    #[arg(long = "as", value_enum)]
    pub form: FormArg,
    /// File to write; a folder for peft; for merged a .safetensors file, or a folder that
    /// gets the file and its configuration
    #[arg(long)]
    pub out: PathBuf,
    /// The model it was learned on: a name as for `classify`. clip-lora and merged need it
    #[arg(long)]
    pub model: Option<String>,
    /// The prompt that an adapter was learned with, {} for the class name [default: what
    /// the file says, else "a photo of a {}."]
    #[arg(long)]
    pub template: Option<String>,
    /// merged: names of the tensors [default: those of the model]
    #[arg(long, value_enum)]
    pub naming: Option<NamingArg>,
    /// merged: element type [default: f32]
    #[arg(long, value_enum)]
    pub dtype: Option<DtypeArg>,
    /// Replace what is there
    #[arg(long)]
    pub overwrite: bool,
    #[command(flatten)]
    pub unsaid: Unsaid,
}

/// A form to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormArg {
    /// clipwright's learned.safetensors, for the page
    Safetensors,
    /// A PEFT adapter over transformers' CLIPModel
    Peft,
    /// CoOp's and CoCoOp's model.pth.tar-N
    Coop,
    /// CLIP-LoRA's .pt
    ClipLora,
    /// A whole model with the adapter added into its weights
    Merged,
}

impl From<FormArg> for Form {
    fn from(form: FormArg) -> Self {
        match form {
            FormArg::Safetensors => Self::Safetensors,
            FormArg::Peft => Self::Peft,
            FormArg::Coop => Self::Coop,
            FormArg::ClipLora => Self::ClipLora,
            FormArg::Merged => Self::Merged,
        }
    }
}

#[derive(Debug, Group)]
pub struct Explain {
    /// What was learned: learned.safetensors or its run folder, CoOp's or CoCoOp's
    /// model.pth.tar-N, CLIP-LoRA's .pt, or a PEFT adapter's folder
    pub file: PathBuf,
    /// The model it was learned on, for words and shares: a name as for `classify`
    #[arg(long)]
    pub model: Option<String>,
    /// How many of the nearest words or classes to name
    #[arg(long, default_value_t = 5)]
    pub top: usize,
    /// A class whose own vectors to show; may be given several times [default: the first
    /// five]
    #[arg(long)]
    pub class: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub unsaid: Unsaid,
}
