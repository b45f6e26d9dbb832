//! ImageNet and its kin: folders of images, and `classnames.txt` with a line
//! `n01440764 tench` for each of the 1000 classes (KaiyangZhou/CoOp,
//! `datasets/imagenet*.py`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rayon::prelude::*;

use crate::data::listing::{folder_names, image_files};
use crate::data::text_file::read_text;
use crate::data::{Dataset, Item};
use crate::problem::problem;

/// The file of class names.
pub const CLASS_NAMES: &str = "classnames.txt";

/// ImageNet's training images. To measure, they are not needed.
pub const TRAIN: &str = "images/train";

/// The file of class names in the data set's folder, or else in ImageNet's beside
/// it: it is the same file.
pub fn class_names_file(folder: &Path) -> Option<PathBuf> {
    let beside = folder.join("..").join("imagenet").join(CLASS_NAMES);
    [folder.join(CLASS_NAMES), beside]
        .into_iter()
        .find(|file| file.is_file())
}

/// ImageNet: its validation images are for testing, and there are none to
/// validate on. CoOp reports the test accuracy as the validation's.
///
/// Classes are in the order of their folders' names. Within a class the reference
/// takes the images as the file system lists them, which differs between
/// machines; here they are sorted by name.
pub fn imagenet(folder: &Path) -> Result<Dataset> {
    let (train, val) = (folder.join(TRAIN), folder.join("images/val"));
    let folders = class_folders(&val)?;
    let has_train = train.is_dir();
    if has_train {
        same_classes(&train, &class_folders(&train)?, &val, &folders)?;
    }
    let mut dataset = Dataset::empty(names_of(folder, &folders)?, true);
    if has_train {
        dataset.train = images_of(&train, &folders)?;
    }
    dataset.test = images_of(&val, &folders)?;
    Ok(dataset)
}

fn same_classes(train: &Path, trained: &[String], val: &Path, tested: &[String]) -> Result<()> {
    let only_in = |these: &[String], those: &[String]| {
        these.iter().find(|name| !those.contains(name)).cloned()
    };
    match only_in(trained, tested).or_else(|| only_in(tested, trained)) {
        None => Ok(()),
        Some(name) => Err(problem(
            format!(
                "only one of {} and {} has the class folder {name}",
                train.display(),
                val.display()
            ),
            "give both splits the same class folders",
        )),
    }
}

/// ImageNet-A, -R and -Sketch: the classes whose folders are there.
pub fn wordnet_folders(folder: &Path, images: &str) -> Result<Dataset> {
    let images = folder.join(images);
    let folders = class_folders(&images)?;
    let mut dataset = Dataset::empty(names_of(folder, &folders)?, true);
    dataset.test = images_of(&images, &folders)?;
    Ok(dataset)
}

/// ImageNet-V2: folder N has the class of line N, counted from 0.
pub fn numbered_folders(folder: &Path, images: &str) -> Result<Dataset> {
    let images = folder.join(images);
    let names: Vec<String> = class_names(folder)?
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    let folders: Vec<String> = (0..names.len()).map(|label| label.to_string()).collect();
    if let Some(missing) = folders.iter().find(|name| !images.join(name).is_dir()) {
        return Err(problem(
            format!("{} has no folder {missing}", images.display()),
            format!(
                "expected a folder for each of the {} lines of {CLASS_NAMES}; unpack the archive once more",
                names.len()
            ),
        ));
    }
    let mut dataset = Dataset::empty(names, true);
    dataset.test = images_of(&images, &folders)?;
    Ok(dataset)
}

/// The class folders in a folder of images.
fn class_folders(images: &Path) -> Result<Vec<String>> {
    let folders = folder_names(images)?;
    if folders.len() < 2 {
        return Err(problem(
            format!("{} has {} class folders", images.display(), folders.len()),
            "sort the images into folders named by their WordNet numbers, such as n01440764",
        ));
    }
    Ok(folders)
}

/// The names of the classes with these WordNet numbers. Two classes may have one
/// name: CLIP's list of ImageNet's names has such.
fn names_of(folder: &Path, numbers: &[String]) -> Result<Vec<String>> {
    let names: HashMap<String, String> = class_names(folder)?.into_iter().collect();
    let name = |number: &String| {
        names.get(number).cloned().ok_or_else(|| {
            problem(
                format!("the class folder {number} is not in {CLASS_NAMES}"),
                "remove the folder, or complete the file with a line such as `n01440764 tench`",
            )
        })
    };
    numbers.iter().map(name).collect()
}

/// WordNet numbers and class names, in the order of the file.
fn class_names(folder: &Path) -> Result<Vec<(String, String)>> {
    let file = class_names_file(folder).unwrap_or_else(|| folder.join(CLASS_NAMES));
    let text = read_text(&file)?;
    let mut numbers = std::collections::HashSet::new();
    let mut names = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(' ') {
            Some((number, name)) if numbers.insert(number) => {
                names.push((number.into(), name.trim().into()));
            }
            _ => {
                return Err(problem(
                    format!(
                        "{}: {line:?} has no name, or its number is there twice",
                        file.display()
                    ),
                    "expected a line such as `n01440764 tench` for each class",
                ));
            }
        }
    }
    if names.len() < 2 {
        return Err(problem(
            format!("{} names {} classes", file.display(), names.len()),
            "expected a line such as `n01440764 tench` for each class",
        ));
    }
    Ok(names)
}

/// The images in the class folders of `images`, labelled in their order.
fn images_of(images: &Path, folders: &[String]) -> Result<Vec<Item>> {
    let classes: Vec<Vec<Item>> = folders
        .par_iter()
        .enumerate()
        .map(|(label, folder)| {
            let files = image_files(&images.join(folder))?;
            Ok(files.into_iter().map(|path| Item { path, label }).collect())
        })
        .collect::<Result<_>>()?;
    Ok(classes.into_iter().flatten().collect())
}
