//! The same numbers as the reference implementations.
//!
//! Walks every case of a golden folder by its JSON file: `tests/golden` of this
//! repository, or the folder named by `CLIPWRIGHT_GOLDEN`. A folder or case that
//! no reader here knows is a failure, never a skip.

mod case;
mod clip;
mod coop;
mod fewshot;
mod metrics;
mod preprocess;
mod schedules;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use case::Case;

fn main() {
    let root = std::env::var_os("CLIPWRIGHT_GOLDEN").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden")),
        PathBuf::from,
    );
    let (mut passed, mut failed) = (0, Vec::new());
    let cases = find_cases(&root).expect("the golden folder can be read");
    println!("\nrunning {} golden cases", cases.len());
    for path in cases {
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .display()
            .to_string();
        match check(&root, &path) {
            Ok(()) => {
                passed += 1;
                println!("test golden {name} ... ok");
            }
            Err(error) => {
                println!("test golden {name} ... FAILED\n    {error:#}");
                failed.push(name);
            }
        }
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {} failed; 0 ignored; 0 measured; 0 filtered out",
        failed.len()
    );
    if !failed.is_empty() || passed == 0 {
        std::process::exit(1);
    }
}

/// Every JSON file under `root`, in the order of names.
fn find_cases(root: &Path) -> Result<Vec<PathBuf>> {
    let mut cases = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                cases.push(path);
            }
        }
    }
    ensure!(
        !cases.is_empty(),
        "{} holds no golden cases",
        root.display()
    );
    cases.sort();
    Ok(cases)
}

fn check(root: &Path, path: &Path) -> Result<()> {
    let case = Case::read(root, path)?;
    match (case.folder(), case.stem()) {
        ("clip", stem) if stem.starts_with("vit") => clip::check(&case),
        ("coop", "lr_schedules") => schedules::check(&case),
        ("coop", stem) if stem.starts_with("traj_") => coop::check_trajectory(&case),
        ("coop", _) => coop::check_forward(&case),
        ("fewshot", "cpython_random") => fewshot::check_random(&case),
        ("fewshot", "fewshot") => fewshot::check_draws(&case),
        ("preprocess", "resized_crop") => preprocess::check_crops(&case),
        ("metrics", _) => metrics::check(&case),
        (folder, stem) => bail!("no reader for {folder}/{stem}.json"),
    }
}
