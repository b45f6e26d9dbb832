//! What a run shows: charts as SVG and PNG, the confusion matrix as CSV, and one page.

use anyhow::Result;
use clipwright_shared::eval::ConfusionMatrix;
use serde_json::Value;

use super::{RunFolder, Summary};
use crate::data::{Dataset, FewShot};
use crate::measure::Measured;
use crate::report::charts::{
    Chart, ClassBars, ClassDistribution, ConfusionChart, Curves, Part, Scale, Series, png, svg,
};
use crate::report::environment::Environment;
use crate::report::html::{Content, KeyNumber, RunReport, Section};
use crate::settings::Plan;
use crate::training::EpochReport;

/// Everything there is to show.
pub(super) struct Contents<'a> {
    pub plan: &'a Plan,
    pub class_names: &'a [String],
    pub dataset: &'a Dataset,
    pub drawn: &'a FewShot,
    pub reports: &'a [EpochReport],
    pub summary: &'a Summary,
    pub measured: Option<&'a Measured>,
    pub environment: &'a Environment,
}

/// Draws and writes it into the folder.
pub(super) fn write(folder: &RunFolder, contents: &Contents<'_>) -> Result<()> {
    let mut curves = Vec::new();
    if !contents.reports.is_empty() {
        curves.push(draw(
            folder,
            "accuracy",
            &accuracy_curves(contents.reports),
        )?);
        curves.push(draw(folder, "loss", &loss_curves(contents.reports))?);
        curves.push(draw(folder, "lr", &rate_curve(contents.reports))?);
    }
    let distribution = draw(folder, "classes", &distribution(contents))?;
    if let Some(measured) = contents.measured {
        draw(folder, "f1", &ClassBars::f1(&measured.metrics))?;
        let matrix = &measured.confusion;
        draw(folder, "confusion", &ConfusionChart { matrix })?;
        folder.write("confusion.csv", &confusion_csv(matrix)?)?;
    }
    let report = RunReport {
        title: contents.summary.title.clone(),
        what: what(contents),
        key_numbers: key_numbers(contents.summary),
        settings: lines("", &serde_json::to_value(contents.plan)?),
        curves,
        distribution: Some(distribution),
        metrics: contents.measured.map(|measured| measured.metrics.clone()),
        confusion: contents.measured.map(|measured| measured.confusion.clone()),
        sections: trials(contents.summary).into_iter().collect(),
        environment: Some(contents.environment.clone()),
        ..RunReport::default()
    };
    folder.write("report.html", report.page()?.html().as_bytes())
}

/// Writes a chart as SVG and PNG; returns the SVG.
fn draw(folder: &RunFolder, name: &str, chart: &impl Chart) -> Result<String> {
    let drawn = svg(chart)?;
    folder.write(&format!("{name}.svg"), drawn.as_bytes())?;
    folder.write(&format!("{name}.png"), &png(chart)?.bytes)?;
    Ok(drawn)
}

/// What was run, in a sentence.
fn what(contents: &Contents<'_>) -> String {
    let plan = contents.plan;
    let shots = match plan.shots {
        Some(shots) => format!("{shots} images of each of"),
        None => "all training images of".into(),
    };
    let classes = contents.class_names.len();
    let data = plan.dataset.clone();
    let data = data.unwrap_or_else(|| plan.data.display().to_string());
    let (model, seed, preset) = (&plan.model, plan.seed, &plan.preset);
    format!(
        "Learned from {shots} {classes} classes of {data}, on {model}, with seed {seed} and the \
         preset {preset}."
    )
}

fn key_numbers(summary: &Summary) -> Vec<KeyNumber> {
    let mut numbers = vec![KeyNumber::new("seconds", format!("{:.1}", summary.seconds))];
    if summary.epochs > 0 {
        let epochs = KeyNumber::new("epochs", summary.epochs.to_string());
        numbers.push(match summary.best_epoch < summary.epochs {
            true => epochs.note(format!("weights of epoch {}", summary.best_epoch)),
            false => epochs,
        });
    }
    numbers
}

/// The values of C that a linear probe tried.
fn trials(summary: &Summary) -> Option<Section> {
    let lines: Vec<(String, String)> = summary
        .trials
        .iter()
        .map(|(c, accuracy)| (format!("C = {c:.3e}"), format!("{:.2} %", 100.0 * accuracy)))
        .collect();
    let content = vec![Content::KeyValues(lines)];
    (!summary.trials.is_empty()).then(|| Section::new("Validation accuracy by C", content))
}

/// A plan's values with their names, joined by dots.
fn lines(prefix: &str, value: &Value) -> Vec<(String, String)> {
    let joined = |key: &str| match prefix {
        "" => key.to_string(),
        _ => format!("{prefix}.{key}"),
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| lines(&joined(key), value))
            .collect(),
        Value::Null => Vec::new(),
        Value::String(text) => vec![(prefix.into(), text.clone())],
        other => vec![(prefix.into(), other.to_string())],
    }
}

/// Counts with a row for each true class and a column for each predicted one.
fn confusion_csv(matrix: &ConfusionMatrix) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = std::iter::once("true class").chain(matrix.class_names.iter().map(String::as_str));
    writer.write_record(header)?;
    for (name, counts) in matrix.class_names.iter().zip(&matrix.counts) {
        let counts = counts.iter().map(usize::to_string);
        writer.write_record(std::iter::once(name.clone()).chain(counts))?;
    }
    Ok(writer.into_inner()?)
}

fn accuracy_curves(reports: &[EpochReport]) -> Curves {
    let mut series = vec![series("training", reports, |report| Some(report.accuracy))];
    if reports.iter().any(|report| report.val_accuracy.is_some()) {
        series.push(self::series("validation", reports, |report| {
            report.val_accuracy
        }));
    }
    Curves {
        title: "Accuracy".into(),
        x_name: "epoch".into(),
        y_name: "accuracy".into(),
        scale: Scale::Share,
        series,
    }
}

fn loss_curves(reports: &[EpochReport]) -> Curves {
    Curves {
        title: "Training loss".into(),
        x_name: "epoch".into(),
        y_name: "loss (nats)".into(),
        scale: Scale::Number,
        series: vec![series("training", reports, |report| Some(report.loss))],
    }
}

fn rate_curve(reports: &[EpochReport]) -> Curves {
    Curves {
        title: "Learning rate".into(),
        x_name: "epoch".into(),
        y_name: "learning rate".into(),
        scale: Scale::Number,
        series: vec![series("", reports, |report| Some(report.lr))],
    }
}

fn series(
    name: &str,
    reports: &[EpochReport],
    value: impl Fn(&EpochReport) -> Option<f64>,
) -> Series {
    let points = reports
        .iter()
        .filter_map(|report| Some((report.epoch as f64, value(report)?)));
    Series {
        name: name.into(),
        points: points.collect(),
    }
}

fn distribution(contents: &Contents<'_>) -> ClassDistribution {
    use crate::data::Split;
    let classes = contents.class_names.len();
    let test = contents.dataset.items(Split::Test, contents.plan.subset);
    let part = |name: &str, items: &[crate::data::Item]| {
        Part::of_labels(name, classes, items.iter().map(|item| item.label))
    };
    ClassDistribution {
        title: "Images of each class".into(),
        class_names: contents.class_names.to_vec(),
        parts: vec![
            part("training", &contents.drawn.train),
            part("validation", &contents.drawn.val),
            part("test", &test),
        ],
    }
}
