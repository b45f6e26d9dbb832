//! Which combinations a sweep goes through.

use anyhow::Result;
use clipwright_shared::tuning::{Augmenter, Loss};

use super::plan::{TunePlan, resolve};
use crate::args::{AugmenterArg, NotebookTable, SweepTune, TuneHow};
use crate::problem::problem;

/// A named list of plans.
pub struct Grid {
    pub title: String,
    pub plans: Vec<TunePlan>,
}

/// The grids of a sweep: the notebook's tables, or every combination of what is given.
pub fn grids(args: &SweepTune, classes: usize) -> Result<Vec<Grid>> {
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
                        overlap: None,
                        patches: None,
                        ..args.how.clone()
                    };
                    // Copies belong to patches, from wherever these come.
                    let is_patches =
                        matches!(resolve(&how, classes)?.augmenter, Augmenter::Patches { .. });
                    let how = match is_patches {
                        true => TuneHow {
                            overlap: overlap.or(args.how.overlap),
                            patches: grid.map(|[patches, _]| patches).or(args.how.patches),
                            views: grid.map(|[_, copies]| copies).or(how.views),
                            ..how
                        },
                        false => how,
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
    let any_patches = plans
        .iter()
        .any(|plan| matches!(plan.augmenter, Augmenter::Patches { .. }));
    let asks_for_patches = !args.grids.is_empty() || !args.overlaps.is_empty();
    if asks_for_patches && !any_patches {
        return Err(problem(
            "--grids and --overlaps are of patches, and none are in the sweep",
            "add --augmenters patches",
        ));
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
