//! One table in each of its forms.

use clipwright::report::table::{Cell, Column, Group, ResultTable, Row};
use clipwright_shared::eval::Summary;

fn row(name: &str, cells: impl Into<Vec<Option<Cell>>>) -> Row {
    Row {
        name: name.into(),
        cells: cells.into(),
    }
}

/// Names that each form must escape in its own way, a tie for the best figure, a
/// missing one, and a group of its own.
fn example() -> ResultTable {
    let over_seeds = |values: &[f64]| Summary::of(values).map(Cell::Share);
    ResultTable {
        title: "100 % of A|B & C_1".into(),
        rows_are: "method".into(),
        columns: vec![
            Column::higher_is_better("base"),
            Column::higher_is_better("new"),
            Column::plain("note"),
        ],
        groups: vec![
            Group {
                name: None,
                rows: vec![
                    row(
                        "Co\"Op\", $5",
                        [
                            over_seeds(&[0.80, 0.82]),
                            Some(Cell::percent(60.0)),
                            Some(Cell::Text("<b>{x}</b>".into())),
                        ],
                    ),
                    row(
                        "LoRA",
                        [over_seeds(&[0.79, 0.81]), Some(Cell::share(0.6)), None],
                    ),
                    row("none", []),
                ],
            },
            Group {
                name: Some("published".into()),
                rows: vec![row("CLIP", [Some(Cell::percent(99.0)), None, None])],
            },
        ],
    }
}

#[test]
fn a_table_reads_the_same_everywhere() {
    let table = example();
    let markdown = "\
**100 % of A\\|B &amp; C_1**

| method | base | new | note |
| --- | ---: | ---: | ---: |
| Co\"Op\", $5 | **81.00 ± 1.00** | **60.00** | &lt;b>{x}&lt;/b> |
| LoRA | 80.00 ± 1.00 | **60.00** | – |
| none | – | – | – |
| *published* |  |  |  |
| CLIP | 99.00 | – | – |
";
    assert_eq!(table.markdown(), markdown);
    let latex = r"\begin{table}[t]
  \centering
  \caption{100 \% of A\textbar{}B \& C\_1}
  \begin{tabular}{lrrr}
    \toprule
    method & base & new & note \\
    \midrule
    Co''Op'', \$5 & \textbf{81.00 $\pm$ 1.00} & \textbf{60.00} & \textless{}b\textgreater{}\{x\}\textless{}/b\textgreater{} \\
    LoRA & 80.00 $\pm$ 1.00 & \textbf{60.00} & -- \\
    none & -- & -- & -- \\
    \midrule
    \multicolumn{4}{l}{\emph{published}} \\
    CLIP & 99.00 & -- & -- \\
    \bottomrule
  \end{tabular}
\end{table}
";
    // LaTeX needs no escape for a quotation mark.
    assert_eq!(table.latex(), latex.replace("Co''Op''", "Co\"Op\""));
    let csv = "\
group,method,base,base deviation,new,note\r
,\"Co\"\"Op\"\", $5\",81.0000,1.0000,60.0000,<b>{x}</b>\r
,LoRA,80.0000,1.0000,60.0000,\r
,none,,,,\r
published,CLIP,99.0000,,,\r
";
    assert_eq!(table.csv().unwrap(), csv);
    let read: ResultTable = serde_json::from_str(&table.json().unwrap()).unwrap();
    assert_eq!(read.markdown(), markdown);
    let terminal = table.terminal();
    for line in [
        "│ Co\"Op\", $5   81.00 ± 1.00 *   60.00 *   <b>{x}</b>   │",
        "│ LoRA         80.00 ± 1.00     60.00 *            –   │",
        "│ published:                                           │",
    ] {
        assert!(terminal.contains(line), "{terminal}");
    }
}

#[test]
fn names_cannot_break_a_table() {
    let mut table = example();
    table.groups[0].rows[0].name = "a\nb\u{1b}[31m\tc\r\nd".into();
    let lines = |text: &str| text.lines().count();
    let plain = example();
    assert_eq!(lines(&table.markdown()), lines(&plain.markdown()));
    assert_eq!(lines(&table.latex()), lines(&plain.latex()));
    assert_eq!(lines(&table.terminal()), lines(&plain.terminal()));
    for text in [table.markdown(), table.latex(), table.terminal()] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

#[test]
fn a_table_is_written_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let table = example();
    table.write_all(folder.path(), "results").unwrap();
    for (name, expected) in [
        ("results.md", table.markdown()),
        ("results.tex", table.latex()),
        ("results.csv", table.csv().unwrap()),
        ("results.json", table.json().unwrap()),
    ] {
        let written = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(written, expected, "{name}");
    }
}
