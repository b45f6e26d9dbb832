//! Where a named data set lies, and which of its parts are there.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Layout, Named};
use crate::problem::problem;

/// A file or folder that a data set needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Relative to the data set's folder.
    pub path: &'static str,
    pub is_folder: bool,
    /// Where it is from.
    pub source: &'static str,
    /// Whether it is not needed to measure.
    pub for_training_alone: bool,
}

impl Part {
    /// Whether it is in the data set's `folder`.
    pub fn is_in(&self, folder: &Path) -> bool {
        let path = folder.join(self.path);
        match self.is_folder {
            true => path.is_dir(),
            // ImageNet's names may lie with ImageNet alone.
            false if self.path == super::imagenet::CLASS_NAMES => {
                super::imagenet::class_names_file(folder).is_some()
            }
            false => path.is_file(),
        }
    }
}

/// What the data set needs.
pub fn parts(named: &'static Named) -> Vec<Part> {
    let part = |path, is_folder| Part {
        path,
        is_folder,
        source: named.source(path).unwrap_or("the data set's authors"),
        for_training_alone: path == super::imagenet::TRAIN,
    };
    let file = |path| part(path, false);
    match named.layout {
        Layout::SplitFile {
            folders,
            file: split,
            ..
        } => {
            let folders = folders.iter().map(|path| part(path, true));
            folders.chain([file(split)]).collect()
        }
        Layout::Aircraft => [
            part("images", true),
            file("variants.txt"),
            file("images_variant_train.txt"),
            file("images_variant_val.txt"),
            file("images_variant_test.txt"),
        ]
        .into(),
        Layout::ImageNet => [
            part(super::imagenet::TRAIN, true),
            part("images/val", true),
            file(super::imagenet::CLASS_NAMES),
        ]
        .into(),
        Layout::WordNetFolders { images } | Layout::NumberedFolders { images } => {
            [part(images, true), file(super::imagenet::CLASS_NAMES)].into()
        }
    }
}

/// What it needs and `folder` does not have.
pub fn missing_parts(named: &'static Named, folder: &Path) -> Vec<Part> {
    let mut parts = parts(named);
    parts.retain(|part| !part.is_in(folder));
    parts
}

/// The data set's own folder: `data`, or its folder in `data`.
///
/// # Errors
/// If neither has any part of it.
pub fn locate(named: &'static Named, data: &Path) -> Result<PathBuf> {
    if !data.is_dir() {
        return Err(problem(
            format!("{} is not a folder", data.display()),
            format!(
                "expected the folder {} or the one that holds it",
                named.folder
            ),
        ));
    }
    let missing = missing_parts(named, data).len();
    let child = data.join(named.folder);
    if missing > 0 && child.is_dir() {
        return Ok(child);
    }
    let is_called_so = data.file_name().is_some_and(|name| name == named.folder);
    if missing < parts(named).len() || is_called_so {
        return Ok(data.into());
    }
    let parts: Vec<&str> = parts(named).iter().map(|part| part.path).collect();
    Err(problem(
        format!(
            "{} has neither the folder {} nor what is in it: {}",
            data.display(),
            named.folder,
            parts.join(", ")
        ),
        format!(
            "give the folder {} or the one that holds it; `clipwright data check {} {}` says where it is from",
            named.folder,
            named.name,
            data.display()
        ),
    ))
}
