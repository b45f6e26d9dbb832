//! What of a data set is there, and what is missing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rayon::prelude::*;
use serde::Serialize;

use super::listing::folder_names;
use super::named::{self, Layout, Named};
use super::{Dataset, Item, Split, Subset, read_image};
use crate::problem::problem;
use crate::progress::steps_bar;

/// What was found of a data set.
#[derive(Debug, Serialize)]
pub struct Survey {
    /// The name it is known by, if it is one of the named.
    pub name: Option<&'static str>,
    /// The folder or list that was looked at.
    pub place: String,
    pub template: Option<String>,
    pub has_splits: Option<bool>,
    pub classes: Vec<String>,
    pub published_classes: Option<usize>,
    pub splits: Vec<SplitSurvey>,
    /// Files and folders that the data set needs.
    pub missing: Vec<MissingPart>,
    /// Images that are listed and do not exist.
    pub absent_images: usize,
    /// The first of them.
    pub first_absent: Vec<String>,
    /// Class folders that the split file does not name, though CoOp's does not leave
    /// them out.
    pub unused_folders: Vec<String>,
    /// Images that cannot be decoded; `None` if that was not tried.
    pub unreadable: Option<Vec<Unreadable>>,
}

/// A split in numbers.
#[derive(Debug, Serialize)]
pub struct SplitSurvey {
    pub split: Split,
    pub images: usize,
    pub published: Option<usize>,
    /// Images of the class with the fewest.
    pub smallest_class: usize,
}

/// A file or folder that is not there.
#[derive(Debug, Serialize)]
pub struct MissingPart {
    pub part: String,
    pub source: &'static str,
}

/// An image that cannot be decoded.
#[derive(Debug, Serialize)]
pub struct Unreadable {
    pub path: String,
    pub error: String,
}

/// How many absent images are named.
const FIRST_ABSENT: usize = 5;

/// Looks at `data` as [`super::open`] does, and goes on where that stops; with
/// `decode`, every image is read.
///
/// # Errors
/// If the name is unknown, there is no such folder, or a file does not follow its
/// form.
pub fn survey(data: &Path, dataset: Option<&str>, decode: bool) -> Result<Survey> {
    let Some(name) = dataset else {
        let (dataset, _) = super::read(data, None)?;
        let mut survey = Survey::of(None, data, Some(&dataset));
        survey.decode(&dataset, decode);
        return Ok(survey);
    };
    let named = named::find(name)?;
    let folder = match named::locate(named, data) {
        Ok(folder) => folder,
        // Nothing is there: all of it is missing.
        Err(_) if data.is_dir() => data.join(named.folder),
        Err(error) => return Err(error),
    };
    let missing = named::missing_parts(named, &folder);
    let dataset = match named.layout.read(&folder) {
        Ok(dataset) => Some(dataset),
        Err(_) if !missing.is_empty() => None,
        Err(error) => return Err(error),
    };
    let mut survey = Survey::of(Some(named), &folder, dataset.as_ref());
    survey.missing = missing
        .iter()
        .map(|part| MissingPart {
            part: part.path.into(),
            source: part.source,
        })
        .collect();
    if let Some(dataset) = &dataset {
        survey.unused_folders = unused_folders(named, &folder, dataset)?;
        survey.decode(dataset, decode);
    }
    Ok(survey)
}

impl Survey {
    fn of(named: Option<&'static Named>, place: &Path, dataset: Option<&Dataset>) -> Self {
        let absent = dataset.map(Dataset::absent).unwrap_or_default();
        let first = absent.iter().take(FIRST_ABSENT);
        let template = match (named, dataset) {
            (Some(named), _) => Some(named.template.into()),
            (None, dataset) => dataset.map(|dataset| dataset.template.clone()),
        };
        Self {
            name: named.map(|named| named.name),
            place: place.display().to_string(),
            template,
            has_splits: dataset.map(|dataset| dataset.has_splits),
            classes: dataset.map_or(Vec::new(), |dataset| dataset.class_names.clone()),
            published_classes: named.map(|named| named.classes),
            splits: dataset.map_or(Vec::new(), |dataset| split_surveys(named, dataset)),
            missing: Vec::new(),
            absent_images: absent.len(),
            first_absent: first.map(|path| path.display().to_string()).collect(),
            unused_folders: Vec::new(),
            unreadable: None,
        }
    }

    /// Reads every image that exists.
    fn decode(&mut self, dataset: &Dataset, decode: bool) {
        if !decode {
            return;
        }
        let items = dataset.items(Split::All, Subset::All);
        let bar = steps_bar(items.len());
        let unreadable = |item: &Item| {
            let failed = match item.path.is_file() {
                true => read_image(&item.path).err(),
                false => None,
            };
            bar.inc(1);
            failed.map(|error| Unreadable {
                path: item.path.display().to_string(),
                error: error.root_cause().to_string(),
            })
        };
        self.unreadable = Some(items.par_iter().filter_map(unreadable).collect());
        bar.finish_and_clear();
    }

    /// The first thing that is wrong, with its remedy.
    ///
    /// # Errors
    /// If something that is needed is missing or cannot be read.
    pub fn complete(&self) -> Result<()> {
        let what = self.name.unwrap_or(&self.place);
        if let Some(first) = self.missing.first() {
            let parts: Vec<&str> = self.missing.iter().map(|part| part.part.as_str()).collect();
            return Err(problem(
                format!("{what} is not complete: {} missing", parts.join(", ")),
                format!(
                    "put {} from {} into {}",
                    first.part, first.source, self.place
                ),
            ));
        }
        if let Some(first) = self.first_absent.first() {
            return Err(problem(
                format!(
                    "{what} is not complete; listed images that do not exist: {}, first {first}",
                    self.absent_images
                ),
                "unpack the images once more, or take those that do not exist out of the list",
            ));
        }
        match self.unreadable.as_deref() {
            None | Some([]) => Ok(()),
            Some(unreadable @ [first, ..]) => Err(problem(
                format!(
                    "{what}: images that cannot be read: {}, first {}",
                    unreadable.len(),
                    first.path
                ),
                "unpack or download these images once more",
            )),
        }
    }
}

fn split_surveys(named: Option<&'static Named>, dataset: &Dataset) -> Vec<SplitSurvey> {
    let splits = [Split::Train, Split::Val, Split::Test];
    splits
        .into_iter()
        .enumerate()
        .map(|(index, split)| {
            let items = dataset.items(split, Subset::All);
            let mut counts = vec![0; dataset.class_names.len()];
            for item in &items {
                counts[item.label] += 1;
            }
            SplitSurvey {
                split,
                images: items.len(),
                published: named.map(|named| named.images[index]),
                smallest_class: counts.into_iter().min().unwrap_or(0),
            }
        })
        .collect()
}

/// The class folders among the images that the split file does not name, and that
/// are not known to be left out.
fn unused_folders(named: &'static Named, folder: &Path, dataset: &Dataset) -> Result<Vec<String>> {
    let Layout::SplitFile {
        folders: [images],
        left_out,
        ..
    } = named.layout
    else {
        return Ok(Vec::new());
    };
    let images = folder.join(images);
    if !images.is_dir() {
        return Ok(Vec::new());
    }
    let first = |item: Item| -> Option<PathBuf> {
        let inside = item.path.strip_prefix(&images).ok()?;
        Some(inside.components().next()?.as_os_str().into())
    };
    let items = dataset.items(Split::All, Subset::All);
    let used: BTreeSet<PathBuf> = items.into_iter().filter_map(first).collect();
    let mut unused = folder_names(&images)?;
    unused.retain(|name| !used.contains(Path::new(name)) && !left_out.contains(&name.as_str()));
    Ok(unused)
}
