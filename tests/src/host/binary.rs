//! The binary `clipwright`, as the tests run it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::repository_root;

/// The binary, built from the sources as they are now. All members are selected,
/// as `cargo test --workspace` does, so that its artefacts are used again.
pub fn clipwright() -> Result<PathBuf> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BINARY.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(|error| anyhow!(error))
}

fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--workspace", "--bin", "clipwright"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(repository_root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if cfg!(feature = "cuda") {
        cargo.args(["--features", "clipwright/cuda"]);
    }
    let output = cargo
        .output()
        .context("cannot start cargo to build clipwright")?;
    if !output.status.success() {
        bail!("building clipwright failed ({})", output.status);
    }
    let messages = String::from_utf8(output.stdout).context("cargo's messages are no UTF-8")?;
    let mut executables = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "clipwright")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables
        .next_back()
        .context("cargo built no executable clipwright")
}

/// Runs the binary in `folder` and waits for its end, however that is.
pub fn run_clipwright(
    folder: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Output> {
    let mut command = Command::new(clipwright()?);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command.output().context("cannot start clipwright")
}

/// Runs the binary with the words of `line`, which must succeed; returns what it said on
/// standard error.
pub fn succeeds(folder: &Path, line: &str) -> Result<String> {
    let output = run_clipwright(folder, line.split_whitespace())?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(error),
        false => bail!("{line}: {error}"),
    }
}

/// Runs the binary with the words of `line`, which must fail with exit code 1, name all of
/// `parts`, and give a hint.
pub fn refuses(folder: &Path, line: &str, parts: &[&str]) -> Result<()> {
    let output = run_clipwright(folder, line.split_whitespace())?;
    let error = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(1) {
        bail!("{line}: {:?} {error}", output.status);
    }
    match parts
        .iter()
        .chain(&["error: ", "hint: "])
        .find(|part| !error.contains(**part))
    {
        None => Ok(()),
        Some(part) => bail!("{line}: no {part:?} in: {error}"),
    }
}

/// Pictures of the shifted domain in `data`, so many of each class in train and test.
pub fn shifted_pictures(per_class: usize) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let line = format!("data generate shifted --out data --per-class {per_class}");
    succeeds(folder.path(), &line)?;
    Ok(folder)
}

/// What the binary prints as JSON.
///
/// # Errors
/// If it fails, with what it said; or if it prints anything but one JSON value.
pub fn clipwright_json(
    folder: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Value> {
    let output = run_clipwright(folder, arguments)?;
    if !output.status.success() {
        bail!(
            "clipwright failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!(
            "not one JSON value on stdout: {}",
            String::from_utf8_lossy(&output.stdout)
        )
    })
}
