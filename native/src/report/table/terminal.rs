//! A table for the terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::ResultTable;

impl ResultTable {
    /// For people at a terminal; the best figures are marked with a star, since not
    /// every terminal has bold letters.
    pub fn terminal(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY);
        table.set_content_arrangement(ContentArrangement::Disabled);
        let names = self
            .columns
            .iter()
            .map(|column| right(printable(&column.name)));
        let rows_are = Cell::new(printable(&self.rows_are));
        table.set_header([rows_are].into_iter().chain(names));
        for (at, group) in self.groups.iter().enumerate() {
            match &group.name {
                Some(name) => {
                    table.add_row([format!("{}:", printable(name))]);
                }
                None if at > 0 => {
                    table.add_row([""]);
                }
                None => {}
            }
            for row in &group.rows {
                let cells = self.shown(group, row).into_iter().map(|shown| {
                    let mark = if shown.is_best { " *" } else { "  " };
                    right(printable(&shown.text(" ± ", "–")) + mark)
                });
                let name = Cell::new(printable(&row.name));
                table.add_row([name].into_iter().chain(cells));
            }
        }
        if self.title.is_empty() {
            format!("{table}\n")
        } else {
            format!("{}\n{table}\n", printable(&self.title))
        }
    }
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Without what would move the cursor or change colours.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(shown).collect()
}
