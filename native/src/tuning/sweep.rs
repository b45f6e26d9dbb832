//! A grid of tunings and one table of them. Runs already done are not repeated, and an
//! interrupted one goes on where it was.

use anyhow::Result;

use super::grid::Grid;
use super::plan::TunePlan;
use super::tracker::TuneSummary;
use crate::report::table::{Cell, Column, Group, ResultTable, Row};

/// Tunes with each plan of `grid`, by `run`, which gets the plan and a name for its folder.
///
/// # Errors
/// As `run`.
pub fn sweep(
    grid: &Grid,
    run: impl Fn(&TunePlan, &str) -> Result<TuneSummary>,
) -> Result<ResultTable> {
    let mut rows = Vec::new();
    let mut base = 0.0;
    for plan in &grid.plans {
        let name = name(plan);
        eprintln!("{name}");
        let summary = run(plan, &name)?;
        base = summary.base_top1;
        let columns = plan.columns();
        let text = columns.map(|column| Some(Cell::Text(column)));
        let counts = [summary.improved.len(), summary.worsened.len()];
        let counts = counts.map(|count| Some(Cell::Text(count.to_string())));
        let accuracy = [Some(Cell::share(summary.tuned_top1))];
        let rate = summary.images_per_second;
        let cost = [(rate > 0.0).then(|| Cell::Text(format!("{:.0}", 1000.0 / rate)))];
        let cells = text.into_iter().chain(accuracy).chain(counts).chain(cost);
        rows.push(Row {
            name: plan.settings.loss.name().into(),
            cells: cells.collect(),
        });
    }
    let plain = ["augmenter", "copies", "patches", "overlap"];
    let mut columns: Vec<Column> = plain.map(Column::plain).into();
    columns.push(Column::higher_is_better("tuned"));
    columns.extend(["improved", "worsened", "ms an image"].map(Column::plain));
    Ok(ResultTable {
        title: format!("{} (base {:.2} %)", grid.title, 100.0 * base),
        rows_are: "loss".into(),
        columns,
        groups: vec![Group { name: None, rows }],
    })
}

/// A folder's name for a plan.
fn name(plan: &TunePlan) -> String {
    let [augmenter, copies, patches, overlap] = plan.columns();
    let loss = plan.settings.loss.name();
    match patches.as_str() {
        "0" => format!("{loss}-{augmenter}-{copies}"),
        _ => format!("{loss}-{augmenter}-{patches}x{copies}-overlap-{overlap}"),
    }
}
