//! What there is to say about a run, in the order people ask.

use anyhow::Result;
use clipwright_shared::eval::{ConfusionMatrix, Metrics};

use super::{Content, KeyNumber, Page, Section, chart};
use crate::report::charts::{ClassBars, ConfusionChart};
use crate::report::environment::Environment;
use crate::report::table::{Cell, Column, Group, ResultTable, Row};

/// How many confused pairs the page names.
const MOST_PAIRS: usize = 20;

/// Everything a page of a run may hold; what is empty or missing has no section.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    pub title: String,
    /// What was run, in a sentence or two.
    pub what: String,
    /// Shown before those that come from `metrics`.
    pub key_numbers: Vec<KeyNumber>,
    /// Names and values of the resolved plan.
    pub settings: Vec<(String, String)>,
    /// Results to compare, such as with published ones.
    pub results: Vec<ResultTable>,
    /// Drawn curves (SVG).
    pub curves: Vec<String>,
    /// The drawn class distribution (SVG).
    pub distribution: Option<String>,
    pub metrics: Option<Metrics>,
    pub confusion: Option<ConfusionMatrix>,
    /// What only some runs have, before the environment.
    pub sections: Vec<Section>,
    pub environment: Option<Environment>,
}

impl RunReport {
    /// The page, with the charts of its measures.
    ///
    /// # Errors
    /// If a chart cannot be drawn.
    pub fn page(&self) -> Result<Page> {
        let mut key_numbers = self.key_numbers.clone();
        let mut sections = Vec::new();
        let tables = self.results.iter().cloned().map(Content::Table);
        push(&mut sections, "Results", tables.collect());
        let curves = self.curves.iter().cloned().map(Content::Chart);
        push(&mut sections, "Curves", curves.collect());
        if let Some(metrics) = &self.metrics {
            key_numbers.extend(key_numbers_of(metrics));
            let bars = chart(&ClassBars::f1(metrics))?;
            push(&mut sections, "Classes", vec![bars, class_table(metrics)]);
        }
        if let Some(matrix) = &self.confusion {
            let map = chart(&ConfusionChart { matrix })?;
            push(&mut sections, "Confusions", vec![map, pairs(matrix)]);
        }
        let distribution = self.distribution.iter().cloned().map(Content::Chart);
        push(&mut sections, "Images", distribution.collect());
        sections.extend(self.sections.iter().cloned());
        push_lines(&mut sections, "Settings", self.settings.clone());
        if let Some(environment) = &self.environment {
            push_lines(&mut sections, "Environment", environment.lines());
        }
        Ok(Page {
            title: self.title.clone(),
            what: self.what.clone(),
            key_numbers,
            sections,
        })
    }
}

fn push(sections: &mut Vec<Section>, title: &str, content: Vec<Content>) {
    if !content.is_empty() {
        sections.push(Section::new(title, content));
    }
}

fn push_lines(sections: &mut Vec<Section>, title: &str, lines: Vec<(String, String)>) {
    if !lines.is_empty() {
        sections.push(Section::new(title, [Content::KeyValues(lines)]));
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn key_numbers_of(metrics: &Metrics) -> Vec<KeyNumber> {
    let images = format!("of {} images", metrics.images);
    let mut numbers = vec![KeyNumber::new("accuracy", percent(metrics.accuracy)).note(images)];
    let top5 = metrics.top5.map(percent);
    numbers.extend(top5.map(|value| KeyNumber::new("top-5 accuracy", value)));
    let classes = metrics.per_class.iter().filter(|class| class.images > 0);
    let classes = format!("mean of {} classes", classes.count());
    numbers.push(KeyNumber::new("macro F1", percent(metrics.macro_f1)).note(classes));
    numbers
}

fn class_table(metrics: &Metrics) -> Content {
    let row = |class: &clipwright_shared::eval::ClassMetrics| {
        let share = |share: f64| (class.images > 0).then(|| Cell::share(share));
        Row {
            name: class.class.clone(),
            cells: vec![
                Some(Cell::Text(class.images.to_string())),
                share(class.accuracy),
                share(class.f1),
            ],
        }
    };
    Content::Table(ResultTable {
        title: String::new(),
        rows_are: "class".into(),
        columns: ["images", "accuracy (%)", "F1 (%)"]
            .map(Column::plain)
            .into(),
        groups: vec![Group {
            name: None,
            rows: metrics.per_class.iter().map(row).collect(),
        }],
    })
}

fn pairs(matrix: &ConfusionMatrix) -> Content {
    let pairs = matrix.most_confused(MOST_PAIRS);
    if pairs.is_empty() {
        return Content::Text("No image was taken for another class.".into());
    }
    let row = |pair: clipwright_shared::eval::ConfusedPair| Row {
        name: pair.true_class,
        cells: vec![
            Some(Cell::Text(pair.predicted_class)),
            Some(Cell::Text(pair.images.to_string())),
            Some(Cell::share(pair.share)),
        ],
    };
    Content::Table(ResultTable {
        title: "Confused most often".into(),
        rows_are: "true class".into(),
        columns: ["taken for", "images", "of the class (%)"]
            .map(Column::plain)
            .into(),
        groups: vec![Group {
            name: None,
            rows: pairs.into_iter().map(row).collect(),
        }],
    })
}
