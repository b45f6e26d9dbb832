//! `clipwright tune` and `clipwright sweep tune`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clipwright_shared::Session;
use clipwright_shared::learners::{ClassTokenPosition, ContextInit, Coop, CoopSettings, Learner};
use clipwright_shared::session::check_class_names;
use clipwright_shared::tuning::Loss;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::load_learned;
use super::protocol::leave;
use crate::args::{AugmenterArg, NotebookTable, SweepTune, Tune, TuneHow, TuneOn};
use crate::data::{self, Split};
use crate::model;
use crate::problem::problem;
use crate::run::Existing;
use crate::tuning::{Grid, Outcome, Start, TunePlan, TuneRun, TuneSummary, resolve, sweep, tune};

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
        device: &on.model.device,
    }
}

fn labelled(on: &TuneOn) -> Result<Images> {
    let data = on.data.as_deref().context("no data")?;
    let dataset = data::open(data, on.dataset.as_deref())?;
    let split = on.split.unwrap_or(match dataset.has_splits {
        true => Split::Test,
        false => Split::All,
    });
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
                let bytes: Vec<u8> = coop
                    .context
                    .flatten_all()?
                    .to_vec1::<f32>()?
                    .into_iter()
                    .flat_map(f32::to_le_bytes)
                    .collect();
                Ok((
                    coop.clone(),
                    Start::Learned(crate::protocol::fingerprint(&bytes)),
                ))
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

/// The grids of a sweep: the notebook's tables, or every combination of what is given.
fn grids(args: &SweepTune, classes: usize) -> Result<Vec<Grid>> {
    let mut grids = Vec::new();
    for table in &args.table {
        grids.push(notebook_grid(*table, &args.how, classes)?);
    }
    if !grids.is_empty() {
        return Ok(grids);
    }
    let losses = match args.losses.is_empty() {
        true => vec![None],
        false => args.losses.iter().copied().map(Some).collect(),
    };
    let augmenters = match args.augmenters.is_empty() {
        true => vec![None],
        false => args.augmenters.iter().copied().map(Some).collect(),
    };
    let patches: Vec<Option<[usize; 2]>> = match args.grids.is_empty() {
        true => vec![None],
        false => args
            .grids
            .iter()
            .map(|text| patches_and_copies(text).map(Some))
            .collect::<Result<_>>()?,
    };
    let overlaps: Vec<Option<f64>> = match args.overlaps.is_empty() {
        true => vec![None],
        false => args.overlaps.iter().copied().map(Some).collect(),
    };
    let mut plans: Vec<TunePlan> = Vec::new();
    for loss in &losses {
        for augmenter in &augmenters {
            for grid in &patches {
                for overlap in &overlaps {
                    let how = TuneHow {
                        loss: loss.or(args.how.loss),
                        augmenter: augmenter.or(args.how.augmenter),
                        overlap: overlap.or(args.how.overlap),
                        patches: grid.map(|[patches, _]| patches).or(args.how.patches),
                        views: match augmenter.or(args.how.augmenter) {
                            Some(AugmenterArg::Patches) => {
                                grid.map(|[_, copies]| copies).or(args.how.views)
                            }
                            _ => args.how.views,
                        },
                        ..args.how.clone()
                    };
                    let plan = resolve(&how, classes)?;
                    // Overlaps and patches are the same to views.
                    if !plans.contains(&plan) {
                        plans.push(plan);
                    }
                }
            }
        }
    }
    Ok(vec![Grid {
        title: "Test-time prompt tuning".into(),
        plans,
    }])
}

/// The rows of a table of the notebook (its sections 8 to 10).
fn notebook_grid(table: NotebookTable, how: &TuneHow, classes: usize) -> Result<Grid> {
    let views = |loss: Loss| TuneHow {
        augmenter: Some(AugmenterArg::Views),
        loss: Some(loss),
        ..how.clone()
    };
    let patches = |loss: Loss, [patches, copies]: [usize; 2], overlap: f64| TuneHow {
        augmenter: Some(AugmenterArg::Patches),
        loss: Some(loss),
        patches: Some(patches),
        views: Some(copies),
        overlap: Some(overlap),
        ..how.clone()
    };
    let (title, hows) = match table {
        NotebookTable::Losses => (
            "Losses on views",
            [
                Loss::DefaultTpt,
                Loss::CrossEntropyHard1,
                Loss::CrossEntropyHard5,
                Loss::CrossEntropySoft,
            ]
            .map(views)
            .to_vec(),
        ),
        NotebookTable::Overlap => (
            "Patches and their overlap",
            [
                ([64, 0], 0.0),
                ([64, 0], 0.2),
                ([64, 0], 0.4),
                ([32, 2], 0.2),
                ([32, 2], 0.4),
                ([32, 2], 0.6),
                ([16, 4], 0.4),
                ([16, 4], 0.6),
                ([16, 4], 0.8),
            ]
            .map(|(grid, overlap)| patches(Loss::DefaultTpt, grid, overlap))
            .to_vec(),
        ),
        NotebookTable::Hard1 => (
            "crossentropy_hard1 with patches",
            [
                ([32, 2], 0.4),
                ([32, 2], 0.6),
                ([16, 4], 0.4),
                ([16, 4], 0.6),
                ([16, 4], 0.8),
            ]
            .map(|(grid, overlap)| patches(Loss::CrossEntropyHard1, grid, overlap))
            .to_vec(),
        ),
    };
    Ok(Grid {
        title: title.into(),
        plans: hows
            .iter()
            .map(|how| resolve(how, classes))
            .collect::<Result<_>>()?,
    })
}

/// `16x4`: 16 patches, 4 copies of each.
fn patches_and_copies(text: &str) -> Result<[usize; 2]> {
    let parts = text.split_once('x');
    let parse = |part: &str| part.trim().parse::<usize>().ok();
    parts
        .and_then(|(patches, copies)| Some([parse(patches)?, parse(copies)?]))
        .ok_or_else(|| {
            problem(
                format!("--grids has {text:?}"),
                "expected patches and their copies, such as 16x4",
            )
        })
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
