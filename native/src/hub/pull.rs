//! A model from the Hub into the cache.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::cache;
use super::client::{Client, Listing};
use super::download::{Wanted, download};
use super::names::{HubModel, is_commit};
use super::settings::Settings;
use clipwright_shared::clip::repository::SHARD_INDEX;

use crate::model::repository;
use crate::problem::problem;

/// Downloads what is missing of a model; returns its folder in the cache. Offline
/// nothing may be missing.
///
/// # Errors
/// If it is not to be had whole.
pub fn pull(settings: &Settings, model: &HubModel) -> Result<PathBuf> {
    if settings.offline {
        return cached(settings, model);
    }
    let client = Client::new(settings)?;
    let listing = client.listing(model)?;
    eprintln!("{model}: commit {}", listing.commit);
    let folder = fill(&client, settings, model, &listing);
    let folder = folder.with_context(|| format!("cannot pull {model}"))?;
    // Last, so that a revision leads to a whole model.
    if !is_commit(&model.revision) {
        let handle = cache::handle(&settings.cache, model);
        handle.create_ref(&listing.commit).with_context(|| {
            let cache = settings.cache.path().display();
            format!("cannot write the revision into {cache}")
        })?;
    }
    Ok(folder)
}

fn cached(settings: &Settings, model: &HubModel) -> Result<PathBuf> {
    cache::snapshot(&settings.cache, model).ok_or_else(|| {
        let cache = settings.cache.path().display();
        problem(
            format!("{model} is not in the cache {cache}, and HF_HUB_OFFLINE is set"),
            "unset HF_HUB_OFFLINE to download it, or name a cache that has it in HF_HOME",
        )
    })
}

/// Brings the files of a model into its snapshot.
fn fill(
    client: &Client,
    settings: &Settings,
    model: &HubModel,
    listing: &Listing,
) -> Result<PathBuf> {
    let fetch = |file: &str| {
        let wanted = Wanted {
            model,
            commit: &listing.commit,
            file,
        };
        download(client, &settings.cache, &wanted)
    };
    let weights = repository::weights(&listing.files)?;
    for config in repository::configs(&listing.files, weights) {
        fetch(config)?;
    }
    let path = fetch(weights)?;
    if weights == SHARD_INDEX {
        let shards = repository::shards(&path)?;
        let missing = shards.iter().find(|shard| !listing.files.contains(shard));
        if let Some(missing) = missing {
            return Err(problem(
                format!("{SHARD_INDEX} names {missing}, which is not in the repository"),
                "is there another --revision that is whole?",
            ));
        }
        for shard in &shards {
            fetch(shard)?;
        }
    }
    let handle = cache::handle(&settings.cache, model);
    Ok(handle.pointer_path(&listing.commit))
}
