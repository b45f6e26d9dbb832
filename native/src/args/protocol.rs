//! `clipwright base-to-new`, `few-shot`, `cross-dataset`, `domain-shift`.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::{Chosen, ModelArgs};

#[derive(Debug, Group)]
pub struct BaseToNew {
    #[command(flatten)]
    pub chosen: Chosen,
    /// Seeds to run with, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    pub seeds: Vec<u64>,
    /// Form of the table on standard output; all forms are written into --out
    #[arg(long, value_enum, default_value_t = TableFormat::Terminal)]
    pub format: TableFormat,
}

#[derive(Debug, Group)]
pub struct FewShot {
    #[command(flatten)]
    pub chosen: Chosen,
    /// Seeds to run with, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    pub seeds: Vec<u64>,
    /// Form of the table on standard output; all forms are written into --out
    #[arg(long, value_enum, default_value_t = TableFormat::Terminal)]
    pub format: TableFormat,
}

#[derive(Debug, Group)]
pub struct Transfer {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Learned file; may be given several times, which gives mean and deviation
    #[arg(long, required = true)]
    pub learned: Vec<PathBuf>,
    /// Data to measure on: NAME=DIR for a data set by name, or a folder or list; may be
    /// given several times
    #[arg(long, required = true, value_name = "[NAME=]DIR")]
    pub data: Vec<String>,
    /// Folder to write the table into
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Form of the table on standard output
    #[arg(long, value_enum, default_value_t = TableFormat::Terminal)]
    pub format: TableFormat,
}

/// A form of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Terminal,
    Markdown,
    Latex,
    Csv,
    Json,
}
