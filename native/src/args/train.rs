//! `clipwright train`, and what all trainings share.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as Group;

use crate::run::Existing;
use crate::settings::{MethodArg, Settings};

/// A method with its settings.
#[derive(Debug, Group)]
pub struct Chosen {
    /// What to learn
    #[arg(value_enum)]
    pub method: MethodArg,
    /// Settings of a paper or its code: `clipwright presets`
    #[arg(long)]
    pub preset: Option<String>,
    /// TOML file of settings, one line each, named like the flags; flags go before it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder to write into
    #[arg(long)]
    pub out: PathBuf,
    /// Start anew where there is a run already
    #[arg(long)]
    pub overwrite: bool,
    /// Seconds between checkpoints, which are written behind epochs
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    pub checkpoint_seconds: f64,
    #[command(flatten)]
    pub settings: Settings,
}

impl Chosen {
    /// Time between checkpoints.
    pub fn checkpoint_every(&self) -> Duration {
        // Not a number, negative and endless are all taken as "never too early".
        Duration::try_from_secs_f64(self.checkpoint_seconds).unwrap_or(Duration::ZERO)
    }
}

#[derive(Debug, Group)]
pub struct Train {
    #[command(flatten)]
    pub chosen: Chosen,
    /// Go on with an interrupted run of the same settings
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
}

impl Train {
    /// What to do with a run that is there.
    pub fn existing(&self) -> Existing {
        match (self.resume, self.chosen.overwrite) {
            (true, _) => Existing::Continue,
            (_, true) => Existing::Overwrite,
            _ => Existing::Refuse,
        }
    }
}

#[derive(Debug, Group)]
pub struct Presets {
    /// Print this one, as a TOML file to start from
    pub name: Option<String>,
}
