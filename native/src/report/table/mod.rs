//! Tables of results: one content, and one form for each place it goes to.

mod csv_form;
mod latex;
mod markdown;
mod terminal;

use std::path::Path;

use anyhow::Result;
use clipwright_shared::eval::Summary;
use serde::{Deserialize, Serialize};

use crate::whole_file::write_whole;

/// Rows of results under named columns, in groups that are set apart by rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ResultTable {
    pub title: String,
    /// What the rows are, such as "method": the heading above their names.
    pub rows_are: String,
    pub columns: Vec<Column>,
    pub groups: Vec<Group>,
}

/// A column's heading, and which of its figures is the best of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub best: Best,
}

/// Which figure of a column is set in bold. Each group has its own best: published
/// figures and one's own come from different images and machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Best {
    Highest,
    Lowest,
    None,
}

/// Rows between two rules, such as those of published results.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: Option<String>,
    pub rows: Vec<Row>,
}

/// A named row; `None` where there is no result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub cells: Vec<Option<Cell>>,
}

/// What stands in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A share between 0 and 1, shown in percent, over one or more runs.
    Share(Summary),
    Text(String),
}

impl Column {
    /// A column of shares of which the highest is the best.
    pub fn higher_is_better(name: impl Into<String>) -> Self {
        let (name, best) = (name.into(), Best::Highest);
        Self { name, best }
    }

    /// A column in which nothing is best.
    pub fn plain(name: impl Into<String>) -> Self {
        let (name, best) = (name.into(), Best::None);
        Self { name, best }
    }
}

impl Cell {
    /// A share between 0 and 1.
    pub fn share(share: f64) -> Self {
        Self::Share(Summary::single(share))
    }

    /// A figure given in percent.
    pub fn percent(percent: f64) -> Self {
        Self::share(percent / 100.0)
    }

    /// As people read it, with `plus_minus` between a mean and its deviation. A
    /// single run has no deviation to show.
    fn shown(&self, plus_minus: &str) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Share(share) if share.count > 1 => format!(
                "{:.2}{plus_minus}{:.2}",
                100.0 * share.mean,
                100.0 * share.deviation
            ),
            Self::Share(share) => format!("{:.2}", 100.0 * share.mean),
        }
    }
}

/// A cell as a form sets it: its text, and whether it is the best of its group.
struct Shown<'a> {
    cell: Option<&'a Cell>,
    is_best: bool,
}

impl Shown<'_> {
    /// `missing` where there is no result.
    fn text(&self, plus_minus: &str, missing: &str) -> String {
        let text = self.cell.map(|cell| cell.shown(plus_minus));
        text.unwrap_or_else(|| missing.into())
    }
}

impl ResultTable {
    /// As JSON: the content itself, shares as fractions.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Writes `stem.md`, `stem.tex`, `stem.csv` and `stem.json` into `folder`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_all(&self, folder: &Path, stem: &str) -> Result<()> {
        for (extension, text) in [
            ("md", self.markdown()),
            ("tex", self.latex()),
            ("csv", self.csv()?),
            ("json", self.json()?),
        ] {
            write_whole(&folder.join(format!("{stem}.{extension}")), text.as_bytes())?;
        }
        Ok(())
    }

    /// The cells of `row` of `group`, one for each column.
    fn shown<'a>(&'a self, group: &'a Group, row: &'a Row) -> Vec<Shown<'a>> {
        let columns = self.columns.iter().enumerate();
        let shown = columns.map(|(at, column)| {
            let cell = row.cells.get(at).and_then(Option::as_ref);
            let is_best = match cell {
                Some(Cell::Share(share)) => Some(hundredths(share)) == best(group, at, column.best),
                _ => false,
            };
            Shown { cell, is_best }
        });
        shown.collect()
    }

    /// The cells of a row with whether each is the best of its group, for forms that
    /// are made elsewhere.
    pub fn cells<'a>(&'a self, group: &'a Group, row: &'a Row) -> Vec<(String, bool)> {
        let shown = self.shown(group, row).into_iter();
        shown
            .map(|shown| (shown.text(" ± ", "–"), shown.is_best))
            .collect()
    }
}

/// Hundredths of a percent: figures that look the same are equally good.
fn hundredths(share: &Summary) -> i64 {
    (10_000.0 * share.mean).round() as i64
}

/// The best figure of a group's column, where there are two or more to choose from.
fn best(group: &Group, column: usize, best: Best) -> Option<i64> {
    let cells = group.rows.iter().map(|row| row.cells.get(column));
    let figures: Vec<i64> = cells
        .filter_map(|cell| match cell {
            Some(Some(Cell::Share(share))) => Some(hundredths(share)),
            _ => None,
        })
        .collect();
    match best {
        _ if figures.len() < 2 => None,
        Best::Highest => figures.into_iter().max(),
        Best::Lowest => figures.into_iter().min(),
        Best::None => None,
    }
}
