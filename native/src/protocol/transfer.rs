//! What was learned on one data set, measured on others: cross-dataset and domain shift.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clipwright_shared::Session;
use clipwright_shared::eval::Summary;
use clipwright_shared::interop::ReadOptions;

use crate::data::{self, Dataset, Split, Subset};
use crate::learned;
use crate::measure::{features, measure_features};
use crate::problem::problem;
use crate::report::table::{Cell, Column, Group, ResultTable, Row};

/// A data set to measure on.
pub struct Target {
    pub name: String,
    pub dataset: Dataset,
}

impl Target {
    /// `NAME=DIR` for a data set by name, or a folder or list.
    ///
    /// # Errors
    /// As [`data::open`].
    pub fn open(text: &str) -> Result<Self> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (Some(name), Path::new(path)),
            None => (None, Path::new(text)),
        };
        let dataset = data::open(path, name).with_context(|| text.to_string())?;
        let folder = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let name = name.map(String::from).or(folder);
        Ok(Self {
            name: name.unwrap_or_else(|| text.into()),
            dataset,
        })
    }
}

/// Measures zero-shot, with each data set's own template, and the learned files on all
/// classes of each target. Several files are runs of one method: their mean stands with
/// its deviation.
///
/// # Errors
/// If a learned file does not fit the model or knows other classes only; if an image
/// cannot be read.
pub fn transfer(
    session: &mut Session,
    title: &str,
    files: &[PathBuf],
    targets: &[Target],
) -> Result<ResultTable> {
    let mut method = String::new();
    for file in files {
        let info = learned::load(session, file, &ReadOptions::default())?;
        if !method.is_empty() && method != info.method.title() {
            return Err(problem(
                format!(
                    "{} holds {}, the files before it {method}",
                    file.display(),
                    info.method.title()
                ),
                "several files are runs of one method; measure another method by itself",
            ));
        }
        method = info.method.title().into();
    }
    let (mut zero_shot, mut learned) = (Vec::new(), Vec::new());
    for target in targets {
        let dataset = &target.dataset;
        let test = dataset.usual_split();
        if test == Split::All {
            eprintln!(
                "note: {} has no splits: all its images are measured, also those that a file was \
                 learned from",
                target.name
            );
        }
        let items = dataset.items(test, Subset::All);
        if items.is_empty() {
            return Err(problem(
                format!("{} has no test images", target.name),
                "add a folder `test`, or give a list with that split",
            ));
        }
        let names = dataset.names(Subset::All).to_vec();
        let labels: Vec<usize> = items.iter().map(|item| item.label).collect();
        eprintln!(
            "{}: {} images of {} classes",
            target.name,
            items.len(),
            names.len()
        );
        // Most learned files see with the model's own image encoder.
        let own = features(session, &session.clip.image, &items)?;
        let templates = [dataset.template.clone()];
        let mut accuracy = |learned: Option<&str>| -> Result<f64> {
            let classifier = session.classifier(learned, &names, &templates)?;
            let adapted = match learned {
                Some(name) => session.learner(name)?.image_encoder(&session.clip)?,
                None => None,
            };
            let features = match adapted {
                Some(encoder) => features(session, &encoder, &items)?,
                None => own.clone(),
            };
            let measured = measure_features(&classifier, &features, &labels, &names)?;
            Ok(measured.metrics.accuracy)
        };
        zero_shot.push(Some(Summary::single(accuracy(None)?)));
        let runs = files
            .iter()
            .map(|file| accuracy(Some(&file.display().to_string())))
            .collect::<Result<Vec<_>>>()?;
        learned.push(Summary::of(&runs));
    }
    let mut columns: Vec<Column> = targets
        .iter()
        .map(|target| Column::higher_is_better(target.name.clone()))
        .collect();
    if targets.len() > 1 {
        columns.push(Column::higher_is_better("average"));
    }
    let name = match files.len() {
        1 => method,
        count => format!("{method}, {count} runs"),
    };
    Ok(ResultTable {
        title: title.into(),
        rows_are: "method".into(),
        columns,
        groups: vec![Group {
            name: None,
            rows: vec![row("zero-shot", zero_shot), row(&name, learned)],
        }],
    })
}

fn row(name: &str, mut values: Vec<Option<Summary>>) -> Row {
    if values.len() > 1 {
        let means: Vec<f64> = values.iter().flatten().map(|value| value.mean).collect();
        values.push(Summary::of(&means).map(|average| Summary::single(average.mean)));
    }
    Row {
        name: name.into(),
        cells: values
            .into_iter()
            .map(|value| value.map(Cell::Share))
            .collect(),
    }
}
