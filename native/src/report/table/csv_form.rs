//! A table as comma-separated values (RFC 4180).

use anyhow::{Context, Result};

use super::{Cell, ResultTable};

impl ResultTable {
    /// As CSV, figures in percent. A column of shares over several runs is followed
    /// by one of their deviations. What is missing is empty.
    ///
    /// # Errors
    /// None that a buffer in memory can have.
    pub fn csv(&self) -> Result<String> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        let named = self.groups.iter().any(|group| group.name.is_some());
        let deviating: Vec<bool> = (0..self.columns.len())
            .map(|column| self.deviates(column))
            .collect();
        let mut heading: Vec<String> = Vec::new();
        heading.extend(named.then(|| "group".into()));
        heading.push(self.rows_are.clone());
        for (column, deviates) in self.columns.iter().zip(&deviating) {
            heading.push(column.name.clone());
            heading.extend(deviates.then(|| format!("{} deviation", column.name)));
        }
        writer.write_record(&heading)?;
        for group in &self.groups {
            for row in &group.rows {
                let mut record: Vec<String> = Vec::new();
                record.extend(named.then(|| group.name.clone().unwrap_or_default()));
                record.push(row.name.clone());
                for (shown, &deviates) in self.shown(group, row).iter().zip(&deviating) {
                    let (figure, deviation) = match shown.cell {
                        None => (String::new(), String::new()),
                        Some(Cell::Text(text)) => (text.clone(), String::new()),
                        Some(Cell::Share(share)) if share.count > 1 => {
                            (percent(share.mean), percent(share.deviation))
                        }
                        Some(Cell::Share(share)) => (percent(share.mean), String::new()),
                    };
                    record.push(figure);
                    record.extend(deviates.then_some(deviation));
                }
                writer.write_record(&record)?;
            }
        }
        let bytes = writer.into_inner().context("cannot write CSV")?;
        Ok(String::from_utf8(bytes)?)
    }

    /// Whether a column has figures over several runs.
    fn deviates(&self, column: usize) -> bool {
        let mut rows = self.groups.iter().flat_map(|group| &group.rows);
        rows.any(|row| {
            let cell = row.cells.get(column);
            matches!(cell, Some(Some(Cell::Share(share))) if share.count > 1)
        })
    }
}

/// Finer than people read it: for those who compute on.
fn percent(share: f64) -> String {
    format!("{:.4}", 100.0 * share)
}
