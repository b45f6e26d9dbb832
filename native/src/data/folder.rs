//! Image folders: `DIR/<class>/…`, or `DIR/{train,val,test}/<class>/…`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clipwright_shared::views::{Picture, RgbImage, decode};

use super::python_random::PythonRandom;
use super::{Split, Subset};
use crate::problem::problem;

/// One labelled image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    /// Index into [`Dataset::class_names`].
    pub label: usize,
}

/// A folder's images, listed but not read.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Folder names of the classes, sorted: the label order.
    pub class_names: Vec<String>,
    /// Whether the folder itself is split into `train`, `val` and `test`.
    pub has_splits: bool,
    train: Vec<Item>,
    val: Vec<Item>,
    test: Vec<Item>,
}

/// Names of image files, by extension.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "gif", "bmp"];

/// Seed of the split of a folder that has none: the same whatever the run's own
/// seed, so that test images are never trained on.
const SPLIT_SEED: u64 = 1;

/// Lists the images of `folder`.
///
/// A folder without splits is divided class by class as CoOp divides data sets
/// without published splits: half for training, a fifth for validation, the
/// rest for testing.
///
/// # Errors
/// If the folder is missing, has fewer than two classes, or a class has no
/// images in the part that is learned from.
pub fn read_folder(folder: &Path) -> Result<Dataset> {
    if !folder.is_dir() {
        return Err(problem(
            format!("{} is not a folder", folder.display()),
            "expected a folder with one folder of images for each class",
        ));
    }
    let has = |split: &str| folder.join(split).is_dir();
    let has_splits = has("train") && (has("val") || has("test"));
    let mut dataset = Dataset {
        class_names: class_names(&if has_splits {
            folder.join("train")
        } else {
            folder.into()
        })?,
        has_splits,
        train: Vec::new(),
        val: Vec::new(),
        test: Vec::new(),
    };
    let names = dataset.class_names.clone();
    for split in ["val", "test"]
        .into_iter()
        .filter(|split| has_splits && has(split))
    {
        known_classes(&folder.join(split), &names)?;
    }
    for (label, name) in names.iter().enumerate() {
        if has_splits {
            dataset
                .train
                .extend(images(&folder.join("train").join(name), label)?);
            dataset
                .val
                .extend(optional_images(&folder.join("val").join(name), label)?);
            dataset
                .test
                .extend(optional_images(&folder.join("test").join(name), label)?);
        } else {
            dataset.divide(images(&folder.join(name), label)?);
        }
    }
    Ok(dataset)
}

impl Dataset {
    fn divide(&mut self, mut items: Vec<Item>) {
        PythonRandom::new(SPLIT_SEED).shuffle(&mut items);
        let train = items.len().div_ceil(2);
        let val = items.len() / 5;
        let mut test = items.split_off(train);
        let rest = test.split_off(val.min(test.len()));
        self.train.append(&mut items);
        self.val.append(&mut test);
        self.test.extend(rest);
    }

    /// The images of `split` whose classes are in `subset`, labels counted from
    /// 0 within it.
    pub fn items(&self, split: Split, subset: Subset) -> Vec<Item> {
        let labels = subset.labels(self.class_names.len());
        let parts: &[&Vec<Item>] = match split {
            Split::Train => &[&self.train],
            Split::Val => &[&self.val],
            Split::Test => &[&self.test],
            Split::All => &[&self.train, &self.val, &self.test],
        };
        let mut items: Vec<Item> = parts
            .iter()
            .flat_map(|part| part.iter())
            .filter(|item| labels.contains(&item.label))
            .cloned()
            .collect();
        for item in &mut items {
            item.label -= labels.start;
        }
        items
    }

    /// The class names of `subset`, in label order.
    pub fn names(&self, subset: Subset) -> &[String] {
        &self.class_names[subset.labels(self.class_names.len())]
    }
}

/// Reads and decodes one picture.
pub fn read_picture(path: &Path) -> Result<Picture> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    decode(&bytes).with_context(|| path.display().to_string())
}

/// Reads one image of a data set. It is RGB before anything is made of it, as in
/// Dassl (`dassl/utils/tools.py`, `read_image`).
pub fn read_image(path: &Path) -> Result<RgbImage> {
    Ok(read_picture(path)?.into_rgb())
}

/// Refuses a split with a class that is not in `train`.
fn known_classes(folder: &Path, names: &[String]) -> Result<()> {
    for path in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        if !names.contains(&file_name(&path)) {
            return Err(problem(
                format!("{} is a class that train does not have", path.display()),
                "give every split the same class folders",
            ));
        }
    }
    Ok(())
}

fn class_names(folder: &Path) -> Result<Vec<String>> {
    let names: Vec<String> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|path| file_name(&path))
        .collect();
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
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let is_image = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|found| {
            EXTENSIONS
                .iter()
                .any(|known| found.eq_ignore_ascii_case(known))
        })
    };
    let paths = entries(folder)?.into_iter().filter(is_image);
    Ok(paths.map(|path| Item { path, label }).collect())
}

/// What lies in a folder, sorted by name, hidden files left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot list {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if !file_name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
