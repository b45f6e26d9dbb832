//! Tells the binary which commit it was built from, read from the repository's own
//! files: no git is needed, and outside a repository nothing happens.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let git = Path::new(&manifest).join("../.git");
    if let Some(commit) = commit(&git) {
        println!("cargo::rustc-env=CLIPWRIGHT_COMMIT={commit}");
    }
}

/// The checked-out commit, abbreviated.
fn commit(git: &Path) -> Option<String> {
    let head = read(&git.join("HEAD"))?;
    // A commit gives its branch a file of its own, here.
    let branches = git.join("refs/heads");
    if branches.is_dir() {
        println!("cargo::rerun-if-changed={}", branches.display());
    }
    let hash = match head.strip_prefix("ref: ") {
        None => head,
        Some(name) => read(&git.join(name)).or_else(|| packed(&git.join("packed-refs"), name))?,
    };
    let is_hash = hash.len() >= 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| hash[..12].to_owned())
}

/// A file's text. Only files that are there are watched: cargo would otherwise run
/// this again for each build.
fn read(path: &PathBuf) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text.trim().to_owned())
}

/// A branch's commit among those that git keeps in one file.
fn packed(path: &PathBuf, name: &str) -> Option<String> {
    let text = read(path)?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(_, other)| *other == name);
    found.map(|(hash, _)| hash.to_owned())
}
