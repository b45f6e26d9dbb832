//! How the named data sets lie on disk.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;

use super::imagenet;
use crate::data::split_file::read_split_file;
use crate::data::text_file::read_text;
use crate::data::{Dataset, Item};
use crate::problem::problem;

/// How a data set lies on disk.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// CoOp's split file beside the images.
    SplitFile {
        /// What the split file's paths are relative to.
        images: &'static str,
        /// The folders that must be there.
        folders: &'static [&'static str],
        file: &'static str,
        /// Names of class folders, and what CoOp calls these classes.
        renamed: &'static [(&'static str, &'static str)],
        /// Class folders that CoOp leaves out.
        left_out: &'static [&'static str],
    },
    /// FGVC Aircraft's lists of images and variants.
    Aircraft,
    /// `images/train` and `images/val`, folders named by WordNet's numbers.
    ImageNet,
    /// Folders named by WordNet's numbers, for testing alone. They may be some of
    /// ImageNet's classes: those that are there, in the order of the numbers.
    WordNetFolders { images: &'static str },
    /// Folders named 0, 1, 2, …: the lines of `classnames.txt`. For testing alone.
    NumberedFolders { images: &'static str },
}

impl Layout {
    /// Lists the images in the data set's `folder`.
    pub(in crate::data) fn read(&self, folder: &Path) -> Result<Dataset> {
        let mut dataset = match *self {
            Self::SplitFile {
                images,
                file,
                renamed,
                ..
            } => {
                let mut dataset = read_split_file(&folder.join(file), &folder.join(images))?;
                for name in &mut dataset.class_names {
                    if let Some((_, new)) = renamed.iter().find(|(old, _)| old == name) {
                        *name = (*new).into();
                    }
                }
                dataset
            }
            Self::Aircraft => aircraft(folder)?,
            Self::ImageNet => imagenet::imagenet(folder)?,
            Self::WordNetFolders { images } => imagenet::wordnet_folders(folder, images)?,
            Self::NumberedFolders { images } => imagenet::numbered_folders(folder, images)?,
        };
        // CoOp's trainers do this where they make prompts of the names.
        for name in &mut dataset.class_names {
            *name = name.replace('_', " ");
        }
        Ok(dataset)
    }

    /// The layout in a line.
    pub fn describe(&self) -> String {
        match self {
            Self::SplitFile { folders, file, .. } => {
                format!("{}, {file}", folders.join(", "))
            }
            Self::Aircraft => "images, variants.txt, images_variant_{train,val,test}.txt".into(),
            Self::ImageNet => "images/{train,val}, classnames.txt".into(),
            Self::WordNetFolders { images } | Self::NumberedFolders { images } => {
                format!("{images}, classnames.txt")
            }
        }
    }
}

/// FGVC Aircraft: a line of `variants.txt` is a class, a line of a split's file an
/// image's number and its class.
fn aircraft(folder: &Path) -> Result<Dataset> {
    let variants = folder.join("variants.txt");
    let names: Vec<String> = lines(&read_text(&variants)?).map(String::from).collect();
    let labels: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    if labels.len() < names.len() || names.len() < 2 {
        return Err(problem(
            format!(
                "{} has {} lines, {} of them different",
                variants.display(),
                names.len(),
                labels.len()
            ),
            "expected one variant in each line; unpack the archive once more",
        ));
    }
    let read = |split: &str| -> Result<Vec<Item>> {
        let file = folder.join(format!("images_variant_{split}.txt"));
        let text = read_text(&file)?;
        let item = |line: &str| {
            let (image, variant) = line.split_once(' ')?;
            let number = image.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let label = *labels.get(variant.trim())?;
            let path = folder.join("images").join(format!("{image}.jpg"));
            number.then_some(Item { path, label })
        };
        lines(&text)
            .map(|line| {
                item(line).ok_or_else(|| {
                    problem(
                        format!("{}: {line:?} is no image and variant", file.display()),
                        "expected a number and a line of variants.txt; unpack the archive once more",
                    )
                })
            })
            .collect()
    };
    let (train, val, test) = (read("train")?, read("val")?, read("test")?);
    let mut dataset = Dataset::empty(names.clone(), true);
    dataset.is_listed = true;
    (dataset.train, dataset.val, dataset.test) = (train, val, test);
    Ok(dataset)
}

/// The lines that are not empty.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}
