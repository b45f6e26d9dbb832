//! Gives this build a name by its sources, as `CLIPWRIGHT_PAGE_VERSION`. The page
//! asks for its worker's files under that name, so that a page kept for offline use
//! and a worker of another build never meet.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Result;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What the page and its worker are made of, seen from this folder.
const SOURCES: [&str; 10] = [
    "src",
    "boot.js",
    "builds.js",
    "worker_choice.js",
    "worker_loader.js",
    "worker_thread.js",
    "Cargo.toml",
    "../shared/src",
    "../static/vocabulary",
    "../Cargo.lock",
];

/// Set where the page gets the build of its worker that has threads.
const THREADS: &str = "CLIPWRIGHT_THREADS";

fn main() -> Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        hash(&here.join(source), &mut hasher)?;
    }
    // A page that has the build with threads is another one.
    println!("cargo::rerun-if-env-changed={THREADS}");
    env::var_os(THREADS).hash(&mut hasher);
    println!(
        "cargo::rustc-env=CLIPWRIGHT_PAGE_VERSION={:016x}",
        hasher.finish()
    );
    Ok(())
}

/// Hashes the files at and below `path` with their names, in a fixed order.
fn hash(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    path.file_name().hash(hasher);
    if !path.is_dir() {
        fs::read(path)?.hash(hasher);
        return Ok(());
    }
    let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<Result<Vec<PathBuf>>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| hash(entry, hasher))
}
