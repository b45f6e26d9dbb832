//! A table as GitHub's Markdown.

use super::ResultTable;

impl ResultTable {
    /// As Markdown, with the title above it and the best figures in bold.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        if !self.title.is_empty() {
            text += &format!("**{}**\n\n", escaped(&self.title));
        }
        let mut line = |cells: Vec<String>| text += &format!("| {} |\n", cells.join(" | "));
        let names = self.columns.iter().map(|column| escaped(&column.name));
        line([escaped(&self.rows_are)].into_iter().chain(names).collect());
        let numbers = self.columns.iter().map(|_| "---:".to_owned());
        line(["---".to_owned()].into_iter().chain(numbers).collect());
        for group in &self.groups {
            if let Some(name) = &group.name {
                let empty = self.columns.iter().map(|_| String::new());
                let name = format!("*{}*", escaped(name));
                line([name].into_iter().chain(empty).collect());
            }
            for row in &group.rows {
                let cells = self.shown(group, row).into_iter().map(|shown| {
                    let text = escaped(&shown.text(" ± ", "–"));
                    if shown.is_best {
                        format!("**{text}**")
                    } else {
                        text
                    }
                });
                line([escaped(&row.name)].into_iter().chain(cells).collect());
            }
        }
        text
    }
}

/// Text that Markdown and its HTML take as it stands, on one line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '`' | '[' | ']' => escaped.extend(['\\', c]),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            _ if c.is_control() => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}
