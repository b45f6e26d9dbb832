//! CoOp's split files, `split_zhou_*.json`: for each of train, val and test a list
//! of `[path, label, class name]` (KaiyangZhou/CoOp, `datasets/oxford_pets.py`).

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path};

use anyhow::Result;
use serde::Deserialize;

use super::text_file::read_text;
use super::{Dataset, Item};
use crate::problem::problem;

/// What a split file looks like.
const FORM: &str =
    r#"expected {"train": [["image.jpg", 0, "class name"], …], "val": […], "test": […]}"#;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitFile {
    #[serde(default)]
    train: Vec<Row>,
    #[serde(default)]
    val: Vec<Row>,
    #[serde(default)]
    test: Vec<Row>,
}

/// Path below the folder of images, label, class name.
type Row = (String, usize, String);

/// Reads a split file whose paths lie below the folder `images`. The order of the
/// images is the file's, which the few-shot draws of the reference depend on.
///
/// # Errors
/// If the file does not follow its form, its labels are not 0, 1, 2, … with one
/// class name each, or a path leads out of `images`. Whether the images exist is
/// not asked.
pub fn read_split_file(file: &Path, images: &Path) -> Result<Dataset> {
    parse(&read_text(file)?, file, images)
}

/// As [`read_split_file`], of text that was read from `file`.
pub fn parse(text: &str, file: &Path, images: &Path) -> Result<Dataset> {
    let wrong = |what: String, hint: &str| problem(format!("{}: {what}", file.display()), hint);
    let split: SplitFile = serde_json::from_str(text)
        .map_err(|error| wrong(format!("this is no split file: {error}"), FORM))?;
    let mut dataset = Dataset::empty(
        class_names(&split).map_err(|what| {
            let hint = "number the classes 0, 1, 2, … and give each one name of its own";
            wrong(what, hint)
        })?,
        true,
    );
    dataset.is_listed = true;
    for (part, rows, items) in [
        ("train", split.train, &mut dataset.train),
        ("val", split.val, &mut dataset.val),
        ("test", split.test, &mut dataset.test),
    ] {
        for (index, (path, label, _)) in rows.into_iter().enumerate() {
            if leads_out(Path::new(&path)) {
                return Err(wrong(
                    format!("{part}[{index}] leads out of the folder of images: {path:?}"),
                    "expected a path relative to the images, without `..`",
                ));
            }
            items.push(Item {
                path: images.join(path),
                label,
            });
        }
    }
    Ok(dataset)
}

/// The class names in label order, or what is wrong with them.
fn class_names(split: &SplitFile) -> Result<Vec<String>, String> {
    let mut names: BTreeMap<usize, &str> = BTreeMap::new();
    for (_, label, name) in split.train.iter().chain(&split.val).chain(&split.test) {
        let first = names.entry(*label).or_insert(name);
        if *first != name {
            return Err(format!("label {label} is named {first:?} and {name:?}"));
        }
        if name.trim().is_empty() {
            return Err(format!("label {label} has no name"));
        }
    }
    let mut labels: HashMap<&str, usize> = HashMap::new();
    for (expected, (&label, &name)) in names.iter().enumerate() {
        if label != expected {
            return Err(format!(
                "label {expected} is missing; the next one is {label}"
            ));
        }
        if let Some(other) = labels.insert(name, label) {
            return Err(format!(
                "labels {other} and {label} are both named {name:?}"
            ));
        }
    }
    match names.len() {
        0 => Err("it lists no images".into()),
        1 => Err("it has one class; expected at least 2".into()),
        _ => Ok(names.into_values().map(String::from).collect()),
    }
}

fn leads_out(path: &Path) -> bool {
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    path.as_os_str().is_empty() || !path.components().all(inside)
}
