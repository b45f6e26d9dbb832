//! What the Hub's cache holds: a folder for each repository, in it `blobs` by
//! their hash, `snapshots` of commits that link to them, and `refs` from revisions
//! to commits.

use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo};
use serde::Serialize;

use super::names::{HubModel, is_commit, is_name};
use crate::model::repository;

/// A whole model in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Repository id.
    pub repository: String,
    pub commit: String,
    /// Branches and tags that were at this commit when last asked.
    pub revisions: Vec<String>,
    /// Bytes of its files.
    pub bytes: u64,
    pub path: PathBuf,
}

/// The folder of `model`, if its weights are whole.
pub fn snapshot(cache: &Cache, model: &HubModel) -> Option<PathBuf> {
    let commit = match is_commit(&model.revision) {
        true => model.revision.clone(),
        false => read_ref(&folder(cache, model).join("refs").join(&model.revision))?,
    };
    let path = handle(cache, model).pointer_path(&commit);
    is_whole(&path).then_some(path)
}

/// Whether a folder holds a model's weights, with all of its shards.
pub fn is_whole(folder: &Path) -> bool {
    repository::weights_in(folder).is_some()
}

/// The whole models in the cache that are CLIPs, and those of `wanted`, whatever
/// they are; by repository and commit.
pub fn clip_snapshots(cache: &Cache, wanted: &[&str]) -> Vec<Snapshot> {
    let mut found = Vec::new();
    for folder in entries(cache.path()) {
        let Some(name) = file_name(&folder)
            .strip_prefix("models--")
            .map(String::from)
        else {
            continue;
        };
        let repository = name.replace("--", "/");
        if !is_name(&repository) {
            continue;
        }
        let refs = read_refs(&folder.join("refs"));
        for path in entries(&folder.join("snapshots")) {
            let is_wanted = wanted.contains(&repository.as_str());
            if !is_whole(&path) || !(is_wanted || repository::is_clip(&path)) {
                continue;
            }
            let commit = file_name(&path);
            let revisions = refs.iter().filter(|(_, at)| *at == commit);
            found.push(Snapshot {
                repository: repository.clone(),
                revisions: revisions.map(|(name, _)| name.clone()).collect(),
                bytes: entries(&path).iter().filter_map(|file| size(file)).sum(),
                commit,
                path,
            });
        }
    }
    found.sort_by(|a, b| (&a.repository, &a.commit).cmp(&(&b.repository, &b.commit)));
    found
}

/// The repository's own part of the cache.
pub fn handle(cache: &Cache, model: &HubModel) -> CacheRepo {
    cache.repo(model.repo())
}

/// The repository's folder.
pub fn folder(cache: &Cache, model: &HubModel) -> PathBuf {
    cache.path().join(model.repo().folder_name())
}

/// Revisions with the commits that they are at, `refs/pr/3` and the like included.
fn read_refs(refs: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    // A loop of links would have no end; a revision has few slashes.
    let mut folders = vec![(refs.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() && depth < 8 {
                folders.push((path, depth + 1));
            } else if let (Ok(name), Some(commit)) = (path.strip_prefix(refs), read_ref(&path)) {
                found.push((name.to_string_lossy().replace('\\', "/"), commit));
            }
        }
    }
    found.sort();
    found
}

fn read_ref(path: &Path) -> Option<String> {
    // Larger than any hash with its line end; whatever else lies there is no ref.
    if size(path)? > 100 {
        return None;
    }
    let commit = fs::read_to_string(path).ok()?.trim().to_string();
    is_commit(&commit).then_some(commit)
}

/// What lies in a folder, by name; nothing if it is not there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect(),
        Err(_) => Vec::new(),
    };
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Bytes of a file, or of the one that it links to.
fn size(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}
