//! `clipwright synthetic plan` and `filter`.

use std::fs;

use anyhow::{Context, Result};
use clipwright_shared::eval::synthetic_images_per_class;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::load_learned;
use crate::args::{Filter, PlanSynthetic};
use crate::data::{self, Split, folder_names, image_files};
use crate::measure::measure;
use crate::model;
use crate::problem::problem;
use crate::progress::steps_bar;
use crate::synthetic::{DISCARDED, Sieve, Verdict};
use crate::whole_file::write_whole;

/// Which classes need synthetic images, and how many.
pub fn plan(args: &PlanSynthetic) -> Result<()> {
    if !(0.0..=1.0).contains(&args.threshold) {
        return Err(problem(
            format!("--threshold is {}", args.threshold),
            "expected an F1 between 0 and 1, such as 0.7",
        ));
    }
    let dataset = data::open(&args.data, args.dataset.as_deref())?;
    let items = dataset.items(Split::Val, args.subset);
    if items.is_empty() {
        return Err(problem(
            format!("{} has no validation images", args.data.display()),
            "F1 is measured on them: add a folder `val`, or give a list with that split",
        ));
    }
    let mut session = model::open(&args.model)?;
    let learned = args.learned.as_deref();
    let learned = learned
        .map(|path| load_learned(&mut session, path))
        .transpose()?;
    let names = dataset.names(args.subset).to_vec();
    let templates = [dataset.template.clone()];
    let metrics = measure(&mut session, learned.as_deref(), &items, &names, &templates)?.metrics;
    let needed = synthetic_images_per_class(&metrics, args.threshold, args.per_class);
    let classes: Vec<_> = metrics
        .per_class
        .iter()
        .zip(&needed)
        .map(|(class, images)| json!({"class": class.class, "f1": class.f1, "images": images}))
        .collect();
    let total: usize = needed.iter().sum();
    let plan = json!({
        "model": args.model.model,
        "learned": args.learned,
        "threshold": args.threshold,
        "validation_images": items.len(),
        "images": total,
        "classes": classes,
    });
    let text = serde_json::to_string_pretty(&plan)?;
    if let Some(out) = &args.out {
        write_whole(out, text.as_bytes())?;
    }
    if args.json {
        println!("{text}");
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["class", "F1", "synthetic images"]);
    for (class, images) in metrics.per_class.iter().zip(&needed) {
        table.add_row([
            class.class.clone(),
            format!("{:.2} %", 100.0 * class.f1),
            images.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    let classes = needed.iter().filter(|&&images| images > 0).count();
    eprintln!("{total} images for {classes} of {} classes", needed.len());
    Ok(())
}

/// Keeps the images that the model takes for their class.
pub fn filter(args: &Filter) -> Result<()> {
    let folders = folder_names(&args.images)?;
    let names = match args.classes.is_empty() {
        true => folders.clone(),
        false => args.classes.clone(),
    };
    if let Some(unknown) = folders.iter().find(|folder| !names.contains(folder)) {
        return Err(problem(
            format!("the folder {unknown} is none of --classes"),
            "add it to --classes, or move the folder away",
        ));
    }
    clipwright_shared::session::check_class_names(&names)?;
    if args.out.exists() && fs::read_dir(&args.out)?.next().is_some() {
        return Err(problem(
            format!("{} is not empty", args.out.display()),
            "choose another --out",
        ));
    }
    let mut session = model::open(&args.model)?;
    let learned = args.learned.as_deref();
    let learned = learned
        .map(|path| load_learned(&mut session, path))
        .transpose()?;
    let templates = [args.template.clone()];
    let classifier = session.classifier(learned.as_deref(), &names, &templates)?;
    let sieve = Sieve {
        session: &session,
        encoder: session.image_encoder(learned.as_deref())?,
        classifier: &classifier,
        waive_after: args.waive_after,
        most: args.per_class,
    };
    let bar = steps_bar(folders.len());
    let mut rows = Vec::new();
    for folder in &folders {
        let Some(label) = names.iter().position(|name| name == folder) else {
            continue;
        };
        let files = image_files(&args.images.join(folder))?;
        let (mut kept, mut rejected, mut waived) = (0, 0, 0);
        for (path, verdict) in files.iter().zip(sieve.sift(&files, label)?) {
            let target = match verdict {
                Verdict::Kept => args.out.join(folder),
                Verdict::Waived => args.out.join(folder),
                Verdict::Rejected { predicted } => args
                    .out
                    .join(DISCARDED)
                    .join(folder)
                    .join(format!("predicted_{}", names[predicted])),
                Verdict::Surplus => continue,
            };
            kept += usize::from(verdict == Verdict::Kept);
            waived += usize::from(verdict == Verdict::Waived);
            rejected += usize::from(matches!(verdict, Verdict::Rejected { .. }));
            let name = path.file_name().context("an image without a name")?;
            let bytes =
                fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            write_whole(&target.join(name), &bytes)?;
        }
        rows.push(json!({
            "class": folder, "kept": kept, "waived": waived, "rejected": rejected
        }));
        bar.set_message(folder.clone());
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{}", serde_json::to_string_pretty(&rows)?);
    Ok(())
}
