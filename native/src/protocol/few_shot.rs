//! Few-shot: learn from more and more images of each class, measure on all of them.

use anyhow::Result;
use clipwright_shared::eval::Summary;

use super::base_to_new::with_seed;
use super::{Experiment, backbone, data_title};
use crate::data::Subset;
use crate::problem::problem;
use crate::report::charts::{AccuracyOverShots, MethodLine};
use crate::report::published;
use crate::report::table::{Cell, Column, Group, ResultTable, Row};
use crate::run::LEARNED;
use crate::settings::Plan;

/// Runs each of `plans` (one for each number of shots) with each of `seeds`, and measures
/// what was learned, and zero-shot, on the test images. Returns the table and its chart.
///
/// # Errors
/// As the runs.
pub fn few_shot(
    experiment: &mut Experiment<'_>,
    plans: &[Plan],
    seeds: &[u64],
) -> Result<(ResultTable, AccuracyOverShots)> {
    let subset = plans.first().map_or(Subset::All, |plan| plan.subset);
    let kept = experiment.out.join("zero-shot.json");
    let zero_shot = experiment.measure(None, subset, &kept)?.accuracy;
    let mut points = Vec::new();
    for plan in plans {
        let shots = plan.shots.ok_or_else(|| {
            problem(
                "no number of shots",
                "expected --shots 1,2,4,8,16 or others",
            )
        })?;
        let mut accuracies = Vec::new();
        for &seed in seeds {
            let plan = with_seed(plan, seed);
            let name = format!("{shots}-shots/seed-{seed}");
            experiment.run(&plan, &name)?;
            let folder = experiment.out.join(&name);
            let learned = folder.join(LEARNED);
            let kept = folder.join("test.json");
            let metrics = experiment.measure(Some(&learned), subset, &kept)?;
            accuracies.push(metrics.accuracy);
        }
        if let Some(summary) = Summary::of(&accuracies) {
            points.push((shots, summary));
        }
    }
    let title = plans.first().map_or_else(String::new, Plan::title);
    let data = plans
        .first()
        .map_or_else(String::new, |plan| data_title(experiment.dataset, plan));
    let mut columns = vec![Column::higher_is_better("0 shots")];
    columns.extend(points.iter().map(|(shots, _)| {
        Column::higher_is_better(match shots {
            1 => "1 shot".into(),
            _ => format!("{shots} shots"),
        })
    }));
    let rows = vec![
        row("zero-shot", &columns, |at| {
            (at == 0).then(|| Summary::single(zero_shot))
        }),
        row(&title, &columns, |at| Some(points[at.checked_sub(1)?].1)),
    ];
    let mut table = ResultTable {
        title: format!("Few-shot on {data}"),
        rows_are: "method".into(),
        columns,
        groups: vec![Group { name: None, rows }],
    };
    add_published(&mut table, experiment, &points);
    let chart = AccuracyOverShots {
        title: table.title.clone(),
        methods: vec![
            MethodLine {
                name: "zero-shot".into(),
                points: vec![(0, Summary::single(zero_shot))],
            },
            MethodLine {
                name: title,
                points,
            },
        ],
    };
    Ok((table, chart))
}

/// Published averages over CoOp's data sets, below a named data set's own numbers.
fn add_published(
    table: &mut ResultTable,
    experiment: &Experiment<'_>,
    points: &[(usize, Summary)],
) {
    if experiment.dataset.name.is_none() {
        return;
    }
    let published = published::few_shot("Average", &backbone(experiment.session));
    let Some(first) = published.first() else {
        return;
    };
    let name = format!("{}, average of 11 data sets", first.method);
    let row = row(&name, &table.columns, |at| {
        let shots = points[at.checked_sub(1)?].0;
        let found = published.iter().find(|result| result.shots == shots)?;
        Some(Summary::single(found.accuracy / 100.0))
    });
    table.groups.push(Group {
        name: Some(format!("published: {}", first.source)),
        rows: vec![row],
    });
}

fn row(name: &str, columns: &[Column], value: impl Fn(usize) -> Option<Summary>) -> Row {
    let cells = (0..columns.len()).map(|at| value(at).map(Cell::Share));
    Row {
        name: name.into(),
        cells: cells.collect(),
    }
}
