//! A table as LaTeX, with the rules of the `booktabs` package.

use super::ResultTable;

impl ResultTable {
    /// As a `table` with its caption; needs `\usepackage{booktabs}`.
    pub fn latex(&self) -> String {
        let mut lines = vec![
            r"\begin{table}[t]".to_owned(),
            r"  \centering".into(),
            format!(r"  \caption{{{}}}", escaped(&self.title)),
            format!(
                r"  \begin{{tabular}}{{l{}}}",
                "r".repeat(self.columns.len())
            ),
            r"    \toprule".into(),
        ];
        let names = self.columns.iter().map(|column| escaped(&column.name));
        let row = |name: String, cells: &mut dyn Iterator<Item = String>| {
            let cells: Vec<String> = [name].into_iter().chain(cells).collect();
            format!(r"    {} \\", cells.join(" & "))
        };
        lines.push(row(escaped(&self.rows_are), &mut { names }));
        for group in &self.groups {
            lines.push(r"    \midrule".into());
            if let Some(name) = &group.name {
                let across = self.columns.len() + 1;
                let name = escaped(name);
                lines.push(format!(
                    r"    \multicolumn{{{across}}}{{l}}{{\emph{{{name}}}}} \\"
                ));
            }
            for line in &group.rows {
                let cells = self.shown(group, line).into_iter().map(|shown| {
                    let text = match shown.text("±", "--") {
                        missing if shown.cell.is_none() => missing,
                        text => escaped(&text),
                    };
                    if shown.is_best {
                        format!(r"\textbf{{{text}}}")
                    } else {
                        text
                    }
                });
                lines.push(row(escaped(&line.name), &mut { cells }));
            }
        }
        lines.extend([
            r"    \bottomrule".into(),
            r"  \end{tabular}".into(),
            r"\end{table}".into(),
        ]);
        lines.join("\n") + "\n"
    }
}

/// Text that LaTeX sets as it stands.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', c]),
            '\\' => escaped.push_str(r"\textbackslash{}"),
            '~' => escaped.push_str(r"\textasciitilde{}"),
            '^' => escaped.push_str(r"\textasciicircum{}"),
            '<' => escaped.push_str(r"\textless{}"),
            '>' => escaped.push_str(r"\textgreater{}"),
            '|' => escaped.push_str(r"\textbar{}"),
            '±' => escaped.push_str(r" $\pm$ "),
            '–' => escaped.push_str("--"),
            '—' => escaped.push_str("---"),
            '→' => escaped.push_str(r"$\rightarrow$"),
            '×' => escaped.push_str(r"$\times$"),
            _ if c.is_control() => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}
