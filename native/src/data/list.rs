//! Lists of images: CSV with the header `path,class[,split]`, or JSON, either an
//! array of such objects or CoOp's split file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use super::text_file::read_text;
use super::{Dataset, Item, split_file};
use crate::problem::problem;

/// One line of a list, wherever it is from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    class: String,
    #[serde(default)]
    split: Option<String>,
}

/// Whether a file is called as a list is.
pub fn is_list_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| {
        ["csv", "json"]
            .iter()
            .any(|known| found.eq_ignore_ascii_case(known))
    })
}

/// Reads a list. Relative paths are relative to the list's folder. The classes
/// are sorted by name; a list without splits is divided like a folder, so that it
/// does not matter in which order it names the images.
///
/// # Errors
/// If the list does not follow its form, is empty, or names an image twice.
/// Whether the images exist is not asked.
pub fn read_list(list: &Path) -> Result<Dataset> {
    let folder = list.parent().unwrap_or(Path::new(""));
    let text = read_text(list)?;
    let is_csv = list
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let entries = if is_csv {
        csv_entries(&text)
    } else if text.trim_start().starts_with('{') {
        return split_file::parse(&text, list, folder);
    } else {
        json_entries(&text)
    };
    entries
        .and_then(|entries| dataset(entries, folder))
        .map_err(|wrong| problem(format!("{}: {}", list.display(), wrong.what), wrong.hint))
}

/// What is wrong with a list, and the remedy.
struct Wrong {
    what: String,
    hint: String,
}

fn wrong<T>(what: impl Into<String>, hint: impl Into<String>) -> Result<T, Wrong> {
    let (what, hint) = (what.into(), hint.into());
    Err(Wrong { what, hint })
}

/// Entries, each with the place where it stands.
type Entries = Vec<(String, Entry)>;

const CSV_FORM: &str = "expected the header path,class or path,class,split";

fn csv_entries(text: &str) -> Result<Entries, Wrong> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(String::from).collect(),
        Err(error) => return wrong(error.to_string(), CSV_FORM),
    };
    let mut sorted: Vec<&str> = header.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    if sorted != ["class", "path"] && sorted != ["class", "path", "split"] {
        return wrong(format!("the header is {:?}", header.join(",")), CSV_FORM);
    }
    let mut entries = Vec::new();
    for (index, entry) in reader.deserialize().enumerate() {
        match entry {
            Ok(entry) => entries.push((format!("row {}", index + 1), entry)),
            Err(error) => {
                return wrong(
                    error.to_string(),
                    "give every row as many fields as the header has, and fields with a comma in double quotes",
                );
            }
        }
    }
    Ok(entries)
}

fn json_entries(text: &str) -> Result<Entries, Wrong> {
    let entries: Vec<Entry> = match serde_json::from_str(text) {
        Ok(entries) => entries,
        Err(error) => {
            let form = r#"expected [{"path": "image.jpg", "class": "class name", "split": "train"}, …], split left out or in every entry, or CoOp's {"train": [[path, label, class name], …], …}"#;
            return wrong(format!("this is no list of images: {error}"), form);
        }
    };
    let place = |(index, entry)| (format!("entry {}", index + 1), entry);
    Ok(entries.into_iter().enumerate().map(place).collect())
}

fn dataset(entries: Entries, folder: &Path) -> Result<Dataset, Wrong> {
    let has_splits = match entries.first() {
        Some((_, first)) => first.split.is_some(),
        None => {
            return wrong(
                "it lists no images",
                "name at least two images of two classes",
            );
        }
    };
    let classes = labels(&entries)?;
    let names = classes.keys().map(|name| name.to_string()).collect();
    let mut dataset = Dataset::empty(names, has_splits);
    dataset.is_listed = true;
    let mut places: HashMap<PathBuf, &str> = HashMap::new();
    let mut undivided: Vec<Vec<Item>> = vec![Vec::new(); classes.len()];
    for (place, entry) in &entries {
        let path = folder.join(&entry.path);
        if let Some(first) = places.insert(path.clone(), place) {
            return wrong(
                format!("{first} and {place} both name {:?}", entry.path),
                "name every image once: it has one class, and is in one split",
            );
        }
        let label = classes[entry.class.as_str()];
        let item = Item { path, label };
        match (entry.split.as_deref(), has_splits) {
            (None, false) => undivided[label].push(item),
            (Some("train"), true) => dataset.train.push(item),
            (Some("val"), true) => dataset.val.push(item),
            (Some("test"), true) => dataset.test.push(item),
            (Some(split), true) => {
                let what = format!("{place} has the split {split:?}");
                return wrong(what, "expected train, val or test");
            }
            _ => {
                let what = format!("{place} differs from the first in whether it has a split");
                return wrong(what, "give a split to every image or to none");
            }
        }
    }
    for mut items in undivided {
        items.sort_by(|a, b| a.path.cmp(&b.path));
        dataset.divide(items);
    }
    Ok(dataset)
}

/// The labels of the classes, by name.
fn labels(entries: &Entries) -> Result<BTreeMap<&str, usize>, Wrong> {
    let mut classes = BTreeMap::new();
    for (place, entry) in entries {
        if entry.path.is_empty() || entry.class.is_empty() {
            let what = format!("{place} has no path or no class");
            return wrong(what, "give both for every image");
        }
        classes.insert(entry.class.as_str(), 0);
    }
    if classes.len() < 2 {
        let only = classes.keys().next().copied().unwrap_or_default();
        return wrong(
            format!("its only class is {only:?}"),
            "expected at least 2 classes",
        );
    }
    for (label, slot) in classes.values_mut().enumerate() {
        *slot = label;
    }
    Ok(classes)
}
