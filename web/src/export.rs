//! The table of many images as a file: CSV for spreadsheets, JSON for programs.

use clipwright_shared::protocol::Ranking;
use serde::Serialize;

use crate::state::{BatchLearner, State};

/// What stands in a row about each learner.
const COLUMNS: [&str; 3] = ["class", "probability", "is_right"];

/// Comma-separated values (RFC 4180), a row an image: its name, its label, each learner's
/// answer with its probability, and why there is none.
pub fn csv(state: &State) -> String {
    let learners = state.batch_learners();
    let mut header = vec!["image".to_string(), "label".to_string()];
    for BatchLearner { name, .. } in &learners {
        header.extend(COLUMNS.map(|column| format!("{name}: {column}")));
    }
    header.push("problem".into());
    let mut lines = vec![line(header.iter().map(|cell| text(cell)))];
    for row in state.batch.rows() {
        let mut cells = vec![
            text(&row.image.title),
            text(row.label.as_deref().unwrap_or("")),
        ];
        let mut problem = row.problem().map(|problem| problem.message.clone());
        for BatchLearner { name, .. } in &learners {
            let top = row.top(name);
            cells.push(text(top.map_or("", |top| &top.class)));
            cells.push(top.map_or(String::new(), |top| top.probability.to_string()));
            cells.push(match state.is_right(row, name) {
                Some(is_right) => is_right.to_string(),
                None => String::new(),
            });
            let its_problem = row
                .ranking(name)
                .and_then(|ranking| ranking.problem.clone());
            problem = problem.or(its_problem);
        }
        cells.push(text(problem.as_deref().unwrap_or("")));
        lines.push(line(cells.into_iter()));
    }
    lines.concat()
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

/// A text as a cell. What a spreadsheet would take for a formula gets a quote before it
/// (OWASP, CSV injection): file names come from anywhere.
fn text(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let cell = format!("{}{cell}", if is_formula { "'" } else { "" });
    match cell.contains(['"', ',', '\r', '\n']) || is_formula {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

/// What is exported as JSON.
#[derive(Serialize)]
struct Report<'a> {
    model: Option<&'a str>,
    model_fingerprint: Option<&'a str>,
    class_names: &'a [String],
    templates: &'a [String],
    accuracy: Vec<Accuracy<'a>>,
    images: Vec<Image<'a>>,
}

#[derive(Serialize)]
struct Accuracy<'a> {
    learner: &'a str,
    right: usize,
    of: usize,
    accuracy: Option<f64>,
}

#[derive(Serialize)]
struct Image<'a> {
    image: &'a str,
    label: Option<&'a str>,
    /// The ten most probable classes of each learner.
    rankings: Vec<&'a Ranking>,
    problem: Option<&'a str>,
}

/// The same as JSON, with what it was asked with and the ten most probable classes.
pub fn json(state: &State) -> String {
    let learners = state.batch_learners();
    let report = Report {
        model: state.model.open.as_ref().map(|model| model.name.as_str()),
        model_fingerprint: state.model.info().map(|info| info.fingerprint.as_str()),
        class_names: &state.class_names,
        templates: &state.templates,
        accuracy: learners
            .iter()
            .map(|learner| {
                let score = state.score(&learner.name);
                Accuracy {
                    learner: &learner.name,
                    right: score.right,
                    of: score.of,
                    accuracy: score.accuracy(),
                }
            })
            .collect(),
        images: state
            .batch
            .rows()
            .iter()
            .map(|row| Image {
                image: &row.image.title,
                label: row.label.as_deref(),
                rankings: learners
                    .iter()
                    .filter_map(|learner| row.ranking(&learner.name))
                    .collect(),
                problem: row.problem().map(|problem| problem.message.as_str()),
            })
            .collect(),
    };
    serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        let cases = [
            ("cat.png", "cat.png"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+4", "\"'+4\""),
            ("-4", "\"'-4\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\tx", "\"'\tx\""),
            ("", ""),
        ];
        for (cell, expected) in cases {
            assert_eq!(text(cell), expected, "{cell:?}");
        }
    }
}
