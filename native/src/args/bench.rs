//! `clipwright bench`.

use std::path::PathBuf;

use clap::Args as Group;

use crate::settings::{MethodArg, Settings};

#[derive(Debug, Group)]
pub struct Bench {
    /// What to train
    #[arg(value_enum)]
    pub method: MethodArg,
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
