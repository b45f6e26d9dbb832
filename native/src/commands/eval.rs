//! `clipwright eval`: accuracy, error and F1 on labelled images.

use anyhow::Result;
use clipwright_shared::eval::Metrics;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::load_learned_with;
use crate::args::Eval;
use crate::data::{self, Split, Subset};
use crate::measure::measure;
use crate::model;
use crate::problem::problem;

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
    let dataset = data::open(&args.data, args.dataset.as_deref())?;
    let split = args.split.unwrap_or(dataset.usual_split());
    let mut session = model::open(&args.model)?;
    let mut options = args.unsaid.options()?;
    if let [template] = &args.template[..] {
        options.template = Some(template.clone());
    }
    let learned = args
        .learned
        .as_deref()
        .map(|path| load_learned_with(&mut session, path, &options))
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
    let templates = match (args.ensemble, args.template.is_empty()) {
        (true, _) => dataset.ensemble_templates(),
        (_, true) => vec![dataset.template.clone()],
        _ => args.template.clone(),
    };
    let names = dataset.names(args.subset);
    let measured = measure(&mut session, learned.as_deref(), &items, names, &templates)?;
    let report = Report {
        model: args.model.model.clone(),
        learned,
        split,
        subset: args.subset,
        metrics: measured.metrics,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_tables(&report.metrics);
    }
    Ok(())
}

fn print_tables(metrics: &Metrics) {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut summary = Table::new();
    summary.load_preset(presets::NOTHING);
    summary.add_row(["images".into(), metrics.images.to_string()]);
    summary.add_row(["accuracy".into(), percent(metrics.accuracy)]);
    summary.add_row(["error".into(), percent(metrics.error)]);
    summary.add_row(["macro F1".into(), percent(metrics.macro_f1)]);
    if let Some(top5) = metrics.top5 {
        summary.add_row(["top-5".into(), percent(top5)]);
    }
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
