//! What lies in a folder, in the order that the reference takes it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::problem::problem;

/// Names of image files, by extension.
pub const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "gif", "bmp"];

/// What lies in a folder, sorted by name, hidden files left out: Dassl's
/// `listdir_nohidden` with `sort=True`. Where the reference does not sort (the
/// images within a class), its order is whatever the file system gives; sorting
/// makes it the same on every machine.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot list {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let name = path.file_name().unwrap_or_default();
        if !name.as_encoded_bytes().starts_with(b".") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The names of the folders in a folder, sorted.
///
/// # Errors
/// If the folder cannot be listed, or a name is not UTF-8: it becomes the name
/// of a class, which is text.
pub fn folder_names(folder: &Path) -> Result<Vec<String>> {
    entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.map(String::from).ok_or_else(|| {
                problem(
                    format!("the name of the folder {} is not UTF-8", path.display()),
                    "rename the folder; its name is the name of a class",
                )
            })
        })
        .collect()
}

/// The image files in a folder, sorted by name; none if the folder is missing.
pub fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = entries(folder)?;
    paths.retain(|path| is_image_name(path));
    Ok(paths)
}

/// Whether a file is called as an image is.
pub fn is_image_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| {
        EXTENSIONS
            .iter()
            .any(|known| found.eq_ignore_ascii_case(known))
    })
}
