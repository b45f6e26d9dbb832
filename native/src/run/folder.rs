//! The folder of a run. Every file appears whole or not at all, but for the metrics and
//! events, which grow; `learned.safetensors` comes last and says that the run is done.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::problem;
use crate::training::EpochReport;
use crate::whole_file::write_whole;

/// The file whose presence says that a run is finished.
pub const LEARNED: &str = "learned.safetensors";
pub const SUMMARY: &str = "summary.json";
const PLAN: &str = "plan.json";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// What to do with a run that is already in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Existing {
    /// Leave it alone and say so.
    Refuse,
    /// Go on with it if it was interrupted; take it as it is if it is finished.
    Continue,
    /// Start anew.
    Overwrite,
}

/// What was found.
pub enum Opened {
    /// Nothing to go on from.
    New(RunFolder),
    /// The bytes of a checkpoint, and the epochs reported up to then or later.
    Interrupted(RunFolder, Vec<u8>, Vec<EpochReport>),
}

/// A folder in which one run is written.
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
}

/// Parts of a plan that do not change what comes out of it.
const INCIDENTAL: [&str; 2] = ["clipwright", "device"];

impl RunFolder {
    /// The learned file of a finished run of `plan`, if the folder holds one and it is not
    /// to be replaced.
    ///
    /// # Errors
    /// If it holds a finished run that is to be left alone, or one of another plan.
    pub fn finished(
        path: &Path,
        plan: &impl Serialize,
        existing: Existing,
    ) -> Result<Option<PathBuf>> {
        let learned = path.join(LEARNED);
        if existing == Existing::Overwrite || !learned.exists() {
            return Ok(None);
        }
        if existing == Existing::Refuse {
            return Err(problem(
                format!("{} holds a finished run", path.display()),
                "choose another --out, or replace the run with --overwrite",
            ));
        }
        check_same_plan(path, &serde_json::to_value(plan)?)?;
        Ok(Some(learned))
    }

    /// Opens the folder, which holds no finished run that stays, for a run of `plan`, and
    /// writes the plan if it is new.
    ///
    /// # Errors
    /// If it holds another run and that may not be replaced, or cannot be written.
    pub fn open(path: &Path, plan: &impl Serialize, existing: Existing) -> Result<Opened> {
        let plan = serde_json::to_value(plan)?;
        let has = |name: &str| path.join(name).exists();
        if existing == Existing::Overwrite {
            // The finished file goes first: a run is never taken for finished while it
            // is being replaced.
            remove(&path.join(LEARNED))?;
            remove(&path.join(CHECKPOINT))?;
            remove_events(path)?;
        } else if has(CHECKPOINT) {
            if existing == Existing::Refuse {
                return Err(problem(
                    format!("{} holds a run that was interrupted", path.display()),
                    "go on with it with --resume, or start anew with --overwrite",
                ));
            }
            check_same_plan(path, &plan)?;
            let bytes = fs::read(path.join(CHECKPOINT))
                .with_context(|| format!("cannot read {}", path.join(CHECKPOINT).display()))?;
            let reports = read_lines(&path.join(METRICS))?;
            return Ok(Opened::Interrupted(Self::new(path)?, bytes, reports));
        }
        fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
        remove_events(path)?;
        write_whole(
            &path.join(PLAN),
            serde_json::to_string_pretty(&plan)?.as_bytes(),
        )?;
        write_whole(&path.join(METRICS), b"")?;
        Ok(Opened::New(Self::new(path)?))
    }

    fn new(path: &Path) -> Result<Self> {
        let metrics = path.join(METRICS);
        let metrics = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&metrics)
            .with_context(|| format!("cannot write {}", metrics.display()))?;
        Ok(Self {
            path: path.into(),
            metrics,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line of metrics.
    pub fn log(&mut self, record: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(record)? + "\n";
        self.metrics
            .write_all(line.as_bytes())
            .context("cannot write metrics.jsonl")
    }

    /// Keeps only these lines of metrics: those of epochs that will not come again.
    pub fn rewind(&mut self, reports: &[EpochReport]) -> Result<()> {
        let lines = reports
            .iter()
            .map(|report| Ok(serde_json::to_string(report)? + "\n"))
            .collect::<Result<String>>()?;
        write_whole(&self.path.join(METRICS), lines.as_bytes())?;
        *self = Self::new(&self.path)?;
        Ok(())
    }

    /// Replaces the checkpoint; the old one stays until the new one is whole.
    pub fn keep_checkpoint(&self, bytes: &[u8]) -> Result<()> {
        self.write(CHECKPOINT, bytes)
    }

    /// Writes a file of the run.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_whole(&self.path.join(name), bytes)
    }

    /// Writes what was learned, which ends the run; its checkpoint is not needed more.
    pub fn finish(self, learned: &[u8]) -> Result<PathBuf> {
        let path = self.path.join(LEARNED);
        write_whole(&path, learned)?;
        remove(&self.path.join(CHECKPOINT))?;
        Ok(path)
    }
}

/// Reads a JSON file of a run folder.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// # Errors
/// If the folder's run was planned otherwise, with the first thing that differs.
pub fn check_same_plan(path: &Path, plan: &Value) -> Result<()> {
    let kept: Value = read_json(&path.join(PLAN))?;
    let keys = kept.as_object().into_iter().chain(plan.as_object());
    for key in keys.flat_map(|plan| plan.keys()) {
        if !INCIDENTAL.contains(&key.as_str()) && kept.get(key) != plan.get(key) {
            let short = |value: Option<&Value>| {
                let text = value.map_or("nothing".into(), Value::to_string);
                match text.chars().count() > 200 {
                    true => text.chars().take(200).collect::<String>() + "…",
                    false => text,
                }
            };
            return Err(problem(
                format!(
                    "{} holds a run of another plan: {key} is {} there, {} here",
                    path.display(),
                    short(kept.get(key)),
                    short(plan.get(key))
                ),
                "choose another --out, or replace the run with --overwrite",
            ));
        }
    }
    Ok(())
}

fn read_lines(path: &Path) -> Result<Vec<EpochReport>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // A line that was being written when the run was killed belongs to an epoch that
    // has no checkpoint.
    Ok(text
        .lines()
        .map_while(|line| serde_json::from_str(line).ok())
        .collect())
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes what TensorBoard would show of a run that is replaced.
pub(crate) fn remove_events(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        if name.is_some_and(|name| name.starts_with("events.out.tfevents.")) {
            remove(&path)?;
        }
    }
    Ok(())
}
