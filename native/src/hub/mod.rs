//! Models of the Hugging Face Hub, in the cache that Python's `huggingface_hub`
//! uses too: what either has downloaded, both find.
//!
//! [`HubModel`] says which repository at which revision, [`Settings`] what the
//! environment says, [`pull()`] downloads what is missing and [`locate`] finds what
//! is there. The cache's layout is that of the crate `hf-hub`, which also forms
//! the requests; files are fetched here, for a broken download to be taken up
//! again and a damaged one to be noticed.

mod cache;
mod client;
mod download;
mod names;
mod pull;
mod settings;

use std::path::PathBuf;

use anyhow::Result;
use hf_hub::Cache;

pub use cache::{Snapshot, clip_snapshots};
pub use names::{HubModel, SHORT_NAMES, ShortName};
pub use pull::pull;
pub use settings::Settings;

use crate::problem::problem;

/// The folder in the cache that holds a model, by its short name or repository id,
/// without asking the network. `None` if `name` looks like neither.
///
/// # Errors
/// If it is not in the cache, or only a part of it; the hint says how to pull it.
pub fn locate(name: &str, revision: Option<&str>) -> Result<Option<PathBuf>> {
    match looks_like_a_model(name) {
        true => locate_in(&settings::cache()?, name, revision),
        false => Ok(None),
    }
}

/// Whether it is no path of a file.
fn looks_like_a_model(name: &str) -> bool {
    let is_file = |ending: &&str| name.ends_with(*ending);
    names::is_name(name) && ![".safetensors", ".bin", ".pt", ".pth"].iter().any(is_file)
}

fn locate_in(cache: &Cache, name: &str, revision: Option<&str>) -> Result<Option<PathBuf>> {
    let model = HubModel::new(name, revision)?;
    if let Some(folder) = cache::snapshot(cache, &model) {
        return Ok(Some(folder));
    }
    // A single word is more likely a mistyped file than one of the few
    // repositories without an owner.
    if !model.is_short && !model.repository.contains('/') {
        return Ok(None);
    }
    let revision = revision.map(|revision| format!(" --revision {revision}"));
    Err(problem(
        format!("{model} is not in the cache {}", cache.path().display()),
        format!("clipwright pull {name}{}", revision.unwrap_or_default()),
    ))
}

#[cfg(test)]
mod tests;
