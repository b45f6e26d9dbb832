//! `clipwright eval`: accuracy, error and F1 on a folder of labelled images.

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::eval::Metrics;
use comfy_table::{CellAlignment, Table, presets};
use rayon::prelude::*;
use serde::Serialize;

use super::load_learned;
use crate::args::Eval;
use crate::data::{Item, Split, Subset, read_folder, read_image};
use crate::model;
use crate::problem::problem;
use crate::progress::steps_bar;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    learned: Option<String>,
    split: Split,
    subset: Subset,
    #[serde(flatten)]
    metrics: Metrics,
}

pub fn run(args: &Eval) -> Result<()> {
    let dataset = read_folder(&args.data)?;
    let split = args.split.unwrap_or(if dataset.has_splits {
        Split::Test
    } else {
        Split::All
    });
    let mut session = model::open(&args.model)?;
    let learned = args
        .learned
        .as_deref()
        .map(|path| load_learned(&mut session, path))
        .transpose()?;
    if learned.is_some() && split == Split::All {
        eprintln!(
            "note: all images are measured, those learned from among them; \
             --split test leaves these out"
        );
    }
    let items = dataset.items(split, args.subset);
    if items.is_empty() {
        return Err(problem(
            format!("{} has no images in this split", args.data.display()),
            "choose another --split",
        ));
    }
    let names = dataset.names(args.subset);
    let metrics = measure(
        &mut session,
        &items,
        names,
        learned.as_deref(),
        &args.template,
    )?;
    let report = Report {
        model: args.model.model.clone(),
        learned: args.learned.as_ref().map(|path| path.display().to_string()),
        split,
        subset: args.subset,
        metrics,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_tables(&report.metrics);
    }
    Ok(())
}

/// Images decoded together; bounds the memory of a large folder.
const IMAGES_PER_CHUNK: usize = 256;

/// Classifies every item, zero-shot or by the learned file of that name.
pub(super) fn measure(
    session: &mut Session,
    items: &[Item],
    class_names: &[String],
    learned: Option<&str>,
    template: &str,
) -> Result<Metrics> {
    let bar = steps_bar(items.len());
    let mut predicted = Vec::with_capacity(items.len());
    for chunk in items.chunks(IMAGES_PER_CHUNK) {
        let images = chunk
            .par_iter()
            .map(|item| read_image(&item.path))
            .collect::<Result<Vec<_>>>()?;
        let features = session.image_features(&images)?;
        predicted.extend(session.predict(&features, learned, class_names, template)?);
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    let labels: Vec<usize> = items.iter().map(|item| item.label).collect();
    Ok(Metrics::new(class_names, &predicted, &labels)?)
}

fn print_tables(metrics: &Metrics) {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut summary = Table::new();
    summary.load_preset(presets::NOTHING);
    summary.add_row(["images".into(), metrics.images.to_string()]);
    summary.add_row(["accuracy".into(), percent(metrics.accuracy)]);
    summary.add_row(["error".into(), percent(metrics.error)]);
    summary.add_row(["macro F1".into(), percent(metrics.macro_f1)]);
    println!("{summary}\n");
    let mut classes = Table::new();
    classes.load_preset(presets::NOTHING);
    classes.set_header(["class", "images", "accuracy", "F1"]);
    for class in &metrics.per_class {
        let images = class.images.to_string();
        classes.add_row([
            class.class.clone(),
            images,
            percent(class.accuracy),
            percent(class.f1),
        ]);
    }
    for column in classes.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{classes}");
}
