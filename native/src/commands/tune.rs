//! `clipwright tune` and `clipwright sweep tune`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clipwright_shared::Session;
use clipwright_shared::learners::{ClassTokenPosition, ContextInit, Coop, CoopSettings, Learner};
use clipwright_shared::session::check_class_names;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::load_learned;
use super::protocol::leave;
use crate::args::{SweepTune, Tune, TuneOn};
use crate::data;
use crate::model;
use crate::problem::problem;
use crate::run::Existing;
use crate::tuning::{Outcome, Start, TunePlan, TuneRun, TuneSummary, grids, resolve, sweep, tune};

/// Words that a context starts from if nothing else is said, the paper's.
const WORDS: &str = "a photo of a";

/// Images with what they may be.
struct Images {
    class_names: Vec<String>,
    images: Vec<(PathBuf, Option<usize>)>,
}

pub fn run(args: &Tune) -> Result<()> {
    let images = match (&args.on.data, args.images.is_empty()) {
        (Some(_), true) => labelled(&args.on)?,
        (None, false) => unlabelled(args)?,
        _ => {
            return Err(problem(
                "either --data or images are needed",
                "give --data DIR, or image files with --classes A,B",
            ));
        }
    };
    let plan = resolve(&args.how, images.class_names.len())?;
    let mut session = model::open(&args.on.model)?;
    let (coop, start) = context(&mut session, &args.on, &images.class_names)?;
    let existing = match (args.resume, args.on.overwrite) {
        (true, _) => Existing::Continue,
        (_, true) => Existing::Overwrite,
        _ => Existing::Refuse,
    };
    let run = tune_run(
        &args.on,
        &coop,
        start,
        &plan,
        &images,
        args.on.out.clone(),
        existing,
    );
    let outcome = tune(&session, &run)?;
    if args.json {
        let samples = match images.images.iter().any(|(_, label)| label.is_none()) {
            true => json!(outcome.samples),
            false => json!(null),
        };
        let answer = json!({"summary": outcome.summary, "samples": samples});
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print_outcome(&outcome, &images);
    }
    Ok(())
}

/// `clipwright sweep tune`.
pub fn run_sweep(args: &SweepTune) -> Result<()> {
    if args.on.data.is_none() {
        return Err(problem(
            "--data is missing",
            "a sweep compares accuracies: give labelled images with --data DIR",
        ));
    }
    let images = labelled(&args.on)?;
    let grids = grids(args, images.class_names.len())?;
    let mut session = model::open(&args.on.model)?;
    let (coop, start) = context(&mut session, &args.on, &images.class_names)?;
    let existing = match args.on.overwrite {
        true => Existing::Overwrite,
        false => Existing::Continue,
    };
    for (at, grid) in grids.iter().enumerate() {
        let table = sweep(grid, |plan, name| -> Result<TuneSummary> {
            let out = args.on.out.join(name);
            let start = start.clone();
            let run = tune_run(&args.on, &coop, start, plan, &images, out, existing);
            Ok(tune(&session, &run)?.summary)
        })?;
        let stem = format!("sweep-{}", at + 1);
        leave(&table, args.format, Some(&args.on.out), &stem)?;
    }
    Ok(())
}

fn tune_run<'a>(
    on: &'a TuneOn,
    coop: &'a Coop,
    start: Start,
    plan: &'a TunePlan,
    images: &'a Images,
    out: PathBuf,
    existing: Existing,
) -> TuneRun<'a> {
    TuneRun {
        coop,
        start,
        plan,
        class_names: &images.class_names,
        images: images.images.clone(),
        samples: on.samples,
        seed: on.seed,
        out,
        existing,
        pages: on.pages,
        replay: on.replay,
        device: &on.model.device,
    }
}

fn labelled(on: &TuneOn) -> Result<Images> {
    let data = on.data.as_deref().context("no data")?;
    let dataset = data::open(data, on.dataset.as_deref())?;
    let split = on.split.unwrap_or(dataset.usual_split());
    let items = dataset.items(split, on.subset);
    if items.is_empty() {
        return Err(problem(
            format!("{} has no images in this split", data.display()),
            "choose another --split",
        ));
    }
    if on.samples == Some(0) {
        return Err(problem("--samples is 0", "expected at least 1 image"));
    }
    Ok(Images {
        class_names: dataset.names(on.subset).to_vec(),
        images: items
            .into_iter()
            .map(|item| (item.path, Some(item.label)))
            .collect(),
    })
}

fn unlabelled(args: &Tune) -> Result<Images> {
    let class_names: Vec<String> = args.classes.iter().map(|name| name.trim().into()).collect();
    check_class_names(&class_names)?;
    Ok(Images {
        class_names,
        images: args
            .images
            .iter()
            .map(|path| (path.clone(), None))
            .collect(),
    })
}

/// The context that every image starts from.
fn context(session: &mut Session, on: &TuneOn, class_names: &[String]) -> Result<(Coop, Start)> {
    if let Some(path) = &on.learned {
        let name = load_learned(session, path)?;
        return match session.learner(&name)? {
            Learner::Coop(coop) => {
                let coop = coop.for_classes(class_names)?;
                let bytes: Vec<u8> = coop
                    .context
                    .flatten_all()?
                    .to_vec1::<f32>()?
                    .into_iter()
                    .flat_map(f32::to_le_bytes)
                    .collect();
                Ok((coop, Start::Learned(crate::protocol::fingerprint(&bytes))))
            }
            other => Err(problem(
                format!("{} holds {}", path.display(), other.method().title()),
                "tuning starts from a context of CoOp, from words or from noise",
            )),
        };
    }
    let (init, start) = match (on.n_ctx, &on.ctx_init) {
        (Some(n_ctx), _) => {
            let seed = on.seed;
            (ContextInit::Random { seed }, Start::Noise { n_ctx, seed })
        }
        (None, words) => {
            let words = words.clone().unwrap_or_else(|| WORDS.into());
            (ContextInit::Words(words.clone()), Start::Words(words))
        }
    };
    let settings = CoopSettings {
        n_ctx: on.n_ctx.unwrap_or(1),
        class_specific: false,
        position: ClassTokenPosition::End,
        init,
    };
    let coop = Coop::new(&session.clip, &session.tokenizer, class_names, &settings)?;
    Ok((coop, start))
}

fn print_outcome(outcome: &Outcome, images: &Images) {
    let summary = &outcome.summary;
    let name = |ranking: &[usize]| {
        let best = ranking
            .first()
            .map(|&class| images.class_names[class].clone());
        best.unwrap_or_default()
    };
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if images.images.iter().any(|(_, label)| label.is_none()) {
        table.set_header(["image", "before", "", "after", ""]);
        for sample in &outcome.samples {
            let percent = |share: f64| format!("{:.1} %", 100.0 * share);
            table.add_row([
                sample.path.display().to_string(),
                name(&sample.base),
                percent(sample.base_confidence),
                name(&sample.tuned),
                percent(sample.tuned_confidence),
            ]);
        }
    } else {
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        table.set_header(["", "base", "tuned"]);
        for (what, base, tuned) in [
            (
                "top-1",
                percent(summary.base_top1),
                percent(summary.tuned_top1),
            ),
            (
                "top-5",
                percent(summary.base_top5),
                percent(summary.tuned_top5),
            ),
            (
                "confidence",
                percent(summary.base_confidence),
                percent(summary.tuned_confidence),
            ),
            (
                "cross-entropy",
                format!("{:.4}", summary.base_cross_entropy),
                format!("{:.4}", summary.tuned_cross_entropy),
            ),
        ] {
            table.add_row([what.to_string(), base, tuned]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}");
    eprintln!(
        "{} images, {} left out; improved {}, worsened {}; {:.2} images a second",
        summary.samples,
        summary.unreadable,
        summary.improved.len(),
        summary.worsened.len(),
        summary.images_per_second
    );
}
