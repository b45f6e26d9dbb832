//! Base to new (Zhou et al. 2022, CoCoOp, section 4.1): learn on the first half of the
//! classes, measure on both halves.

use anyhow::Result;
use clipwright_shared::eval::{Metrics, Summary, harmonic_mean};
use clipwright_shared::learners::Method;

use super::{Experiment, backbone, data_title};
use crate::data::Subset;
use crate::problem::problem;
use crate::report::published;
use crate::report::table::{Cell, Column, Group, ResultTable, Row};
use crate::run::LEARNED;
use crate::settings::{LearnerPlan, Plan};

/// Runs `plan` on the base classes with each of `seeds`, and measures zero-shot and what
/// was learned on base and new classes.
///
/// # Errors
/// If the method knows only classes it learned; as the runs.
pub fn base_to_new(
    experiment: &mut Experiment<'_>,
    plan: &Plan,
    seeds: &[u64],
) -> Result<ResultTable> {
    if plan.method == Method::LinearProbe {
        return Err(problem(
            "a linear probe knows only the classes it was fitted on",
            "base-to-new needs coop, cocoop or lora; `clipwright few-shot` takes linear-probe",
        ));
    }
    if matches!(&plan.learner, LearnerPlan::Context(context) if context.coop.class_specific) {
        return Err(problem(
            "a class-specific context knows only the classes it was learned on",
            "leave out --csc; `clipwright few-shot` takes it",
        ));
    }
    let halves = [(Subset::Base, "base"), (Subset::New, "new")];
    let mut zero_shot = Vec::new();
    for (subset, name) in halves {
        let kept = experiment.out.join(format!("zero-shot-{name}.json"));
        zero_shot.push(vec![experiment.measure(None, subset, &kept)?]);
    }
    let mut learned = vec![Vec::new(), Vec::new()];
    for &seed in seeds {
        let plan = with_seed(plan, seed);
        let name = format!("seed-{seed}");
        experiment.run(&plan, &name)?;
        let folder = experiment.out.join(&name);
        for ((subset, half), measured) in halves.iter().zip(&mut learned) {
            let kept = folder.join(format!("{half}.json"));
            let path = folder.join(LEARNED);
            measured.push(experiment.measure(Some(&path), *subset, &kept)?);
        }
    }
    let dataset = experiment.dataset;
    let title = data_title(dataset, plan);
    let mut table = ResultTable {
        title: format!("Base to new on {title}"),
        rows_are: "method".into(),
        columns: ["base", "new", "H"].map(Column::higher_is_better).into(),
        groups: vec![Group {
            name: None,
            rows: vec![
                row("zero-shot", &zero_shot),
                row(&label(plan, seeds), &learned),
            ],
        }],
    };
    let published = match (dataset.name, plan.shots) {
        (Some(name), Some(shots)) => {
            published::base_to_new(name, &backbone(experiment.session), shots)
        }
        _ => Vec::new(),
    };
    if let Some(first) = published.first() {
        table.groups.push(Group {
            name: Some(format!("published: {}", first.source)),
            rows: published.iter().map(|result| result.row()).collect(),
        });
    }
    Ok(table)
}

/// The plan for one seed.
pub(super) fn with_seed(plan: &Plan, seed: u64) -> Plan {
    let mut plan = plan.clone();
    plan.set_seed(seed);
    plan
}

fn label(plan: &Plan, seeds: &[u64]) -> String {
    let shots = plan
        .shots
        .map_or("all images".into(), |shots| format!("{shots} shots"));
    let seeds = match seeds.len() {
        1 => "1 seed".into(),
        count => format!("{count} seeds"),
    };
    format!("{}, {shots}, {seeds}", plan.title())
}

/// Accuracies on base and new classes, and their harmonic mean: that of the means, with
/// the deviation of those of each run.
fn row(name: &str, measured: &[Vec<Metrics>]) -> Row {
    let accuracies: Vec<Vec<f64>> = measured
        .iter()
        .map(|runs| runs.iter().map(|metrics| metrics.accuracy).collect())
        .collect();
    let halves: Vec<Option<Summary>> = accuracies.iter().map(|runs| Summary::of(runs)).collect();
    let each: Vec<f64> = accuracies[0]
        .iter()
        .zip(&accuracies[1])
        .map(|(&base, &new)| harmonic_mean(base, new))
        .collect();
    let harmonic = match (&halves[..], Summary::of(&each)) {
        ([Some(base), Some(new)], Some(each)) => Some(Summary {
            mean: harmonic_mean(base.mean, new.mean),
            ..each
        }),
        _ => None,
    };
    let cells = halves.into_iter().chain([harmonic]);
    Row {
        name: name.into(),
        cells: cells.map(|cell| cell.map(Cell::Share)).collect(),
    }
}
