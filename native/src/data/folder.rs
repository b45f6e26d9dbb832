//! Image folders: `DIR/<class>/…`, or `DIR/{train,val,test}/<class>/…`.

use std::path::Path;

use anyhow::Result;

use super::listing::{EXTENSIONS, folder_names, image_files};
use super::{Dataset, Item};
use crate::problem::problem;

/// Lists the images of `folder`. The classes are its folders, sorted by name.
///
/// A folder without splits is divided class by class as CoOp divides data sets
/// without published splits: half for training, a fifth for validation, the
/// rest for testing.
///
/// # Errors
/// If the folder has fewer than two classes, or a class has no
/// images in the part that is learned from.
pub fn read_folder(folder: &Path) -> Result<Dataset> {
    let has = |split: &str| folder.join(split).is_dir();
    let has_splits = has("train") && (has("val") || has("test"));
    let names = class_names(&match has_splits {
        true => folder.join("train"),
        false => folder.into(),
    })?;
    let mut dataset = Dataset::empty(names.clone(), has_splits);
    for split in ["val", "test"]
        .into_iter()
        .filter(|split| has_splits && has(split))
    {
        known_classes(&folder.join(split), &names)?;
    }
    for (label, name) in names.iter().enumerate() {
        if has_splits {
            let of = |split: &str| folder.join(split).join(name);
            dataset.train.extend(images(&of("train"), label)?);
            dataset.val.extend(optional_images(&of("val"), label)?);
            dataset.test.extend(optional_images(&of("test"), label)?);
        } else {
            dataset.divide(images(&folder.join(name), label)?);
        }
    }
    Ok(dataset)
}

/// Refuses a split with a class that is not in `train`.
fn known_classes(folder: &Path, names: &[String]) -> Result<()> {
    for name in folder_names(folder)? {
        if !names.contains(&name) {
            return Err(problem(
                format!(
                    "{} is a class that train does not have",
                    folder.join(name).display()
                ),
                "give every split the same class folders",
            ));
        }
    }
    Ok(())
}

fn class_names(folder: &Path) -> Result<Vec<String>> {
    let names = folder_names(folder)?;
    if names.len() < 2 {
        return Err(problem(
            format!(
                "{} has {} class folders; expected at least 2",
                folder.display(),
                names.len()
            ),
            "put the images of each class into a folder named after it",
        ));
    }
    Ok(names)
}

fn images(folder: &Path, label: usize) -> Result<Vec<Item>> {
    let items = optional_images(folder, label)?;
    if items.is_empty() {
        return Err(problem(
            format!("the class folder {} has no images", folder.display()),
            format!(
                "add images ({}) or remove the folder",
                EXTENSIONS.join(", ")
            ),
        ));
    }
    Ok(items)
}

fn optional_images(folder: &Path, label: usize) -> Result<Vec<Item>> {
    let paths = image_files(folder)?.into_iter();
    Ok(paths.map(|path| Item { path, label }).collect())
}
