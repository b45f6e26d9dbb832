//! The report of a tuning: the results, the images that gained and lost most, and a page
//! for each of these with its views.

use std::io::Cursor;

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::tuning::{Tuned, Tuner, View};
use image::{ImageFormat, RgbImage};

use super::run::{TuneRun, encode, views_of};
use super::tracker::{Sample, TuneSummary};
use crate::report::charts::{ClassBars, svg};
use crate::report::environment::Environment;
use crate::report::html::{Content, KeyNumber, Page, Picture, RunReport, Section};
use crate::report::table::{Cell, Column, Group, ResultTable, Row};
use crate::whole_file::write_whole;

/// Classes shown before and after.
const CLASSES: usize = 5;

/// Writes `report.html` and `images/NNNN.html`.
pub(super) fn write(
    session: &Session,
    tuner: &Tuner,
    run: &TuneRun<'_>,
    samples: &[Sample],
    summary: &TuneSummary,
    environment: &Environment,
) -> Result<()> {
    let (gained, lost) = extremes(samples, run.pages);
    let side = session.clip.config.image.side as u32;
    let mut sections = vec![class_section(summary)];
    for (title, chosen) in [("Most improved", gained), ("Most worsened", lost)] {
        let mut pictures = Vec::new();
        for sample in chosen {
            let views = views_of(run, &sample.path, side, sample.index)?;
            let features = encode(session, &[&views])?;
            let tuned = tuner.tune(&features[0])?;
            let page = image_page(run, sample, &views, &tuned)?;
            let name = format!("images/{:05}.html", sample.index);
            write_whole(&run.out.join(&name), page.html().as_bytes())?;
            pictures.push(Picture {
                png: png(&views[0].pixels)?,
                caption: format!("{} · {name}", caption(run, sample)),
            });
        }
        if !pictures.is_empty() {
            sections.push(Section::new(title, vec![Content::Images(pictures)]));
        }
    }
    let report = RunReport {
        title: "Test-time prompt tuning".into(),
        what: format!(
            "A context tuned on each of {} images alone, with the loss {} on {} views; the \
             prediction of the image before and after.",
            summary.samples,
            run.plan.settings.loss.name(),
            run.plan.settings.layout.views()
        ),
        key_numbers: key_numbers(summary),
        settings: settings(run),
        results: vec![results(summary)],
        sections,
        environment: Some(environment.clone()),
        ..RunReport::default()
    };
    write_whole(
        &run.out.join("report.html"),
        report.page()?.html().as_bytes(),
    )
}

/// The samples that gained most and those that lost most.
fn extremes(samples: &[Sample], count: usize) -> (Vec<&Sample>, Vec<&Sample>) {
    let mut sorted: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.problem.is_none())
        .collect();
    sorted.sort_by(|a, b| {
        let key = |sample: &Sample| (sample.change(), sample.gain());
        let (a, b) = (key(a), key(b));
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    let half = count.div_ceil(2).min(sorted.len());
    let gained = sorted[..half].to_vec();
    let rest = count.saturating_sub(half).min(sorted.len() - half);
    let lost = sorted[sorted.len() - rest..].iter().rev().copied();
    (gained, lost.collect())
}

fn key_numbers(summary: &TuneSummary) -> Vec<KeyNumber> {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut numbers = vec![
        KeyNumber::new("base", percent(summary.base_top1)).note("top-1"),
        KeyNumber::new("tuned", percent(summary.tuned_top1)).note("top-1"),
        KeyNumber::new("improved", summary.improved.len().to_string())
            .note(percent(summary.improved_ratio)),
        KeyNumber::new("worsened", summary.worsened.len().to_string())
            .note(percent(summary.worsened_ratio)),
        KeyNumber::new(
            "images a second",
            format!("{:.2}", summary.images_per_second),
        ),
    ];
    if summary.unreadable > 0 {
        let unreadable = summary.unreadable.to_string();
        numbers.push(KeyNumber::new("left out", unreadable).note("unreadable"));
    }
    numbers
}

fn results(summary: &TuneSummary) -> ResultTable {
    let share = |share: f64| Some(Cell::share(share));
    let number = |value: f64| Some(Cell::Text(format!("{value:.4}")));
    let row = |name: &str, cells: Vec<Option<Cell>>| Row {
        name: name.into(),
        cells,
    };
    ResultTable {
        title: "Before and after".into(),
        rows_are: "context".into(),
        columns: vec![
            Column::higher_is_better("top-1"),
            Column::higher_is_better("top-5"),
            Column::plain("confidence"),
            Column::plain("cross-entropy"),
        ],
        groups: vec![Group {
            name: None,
            rows: vec![
                row(
                    "base",
                    vec![
                        share(summary.base_top1),
                        share(summary.base_top5),
                        number(summary.base_confidence),
                        number(summary.base_cross_entropy),
                    ],
                ),
                row(
                    "tuned",
                    vec![
                        share(summary.tuned_top1),
                        share(summary.tuned_top5),
                        number(summary.tuned_confidence),
                        number(summary.tuned_cross_entropy),
                    ],
                ),
            ],
        }],
    }
}

fn class_section(summary: &TuneSummary) -> Section {
    let count = |count: usize| Some(Cell::Text(count.to_string()));
    let rows = summary
        .per_class
        .iter()
        .filter(|class| class.samples > 0)
        .map(|class| Row {
            name: class.class.clone(),
            cells: vec![
                count(class.samples),
                count(class.improved.len()),
                count(class.worsened.len()),
                Some(Cell::share(class.improved_ratio)),
                Some(Cell::share(class.worsened_ratio)),
            ],
        });
    let names = [
        "images",
        "improved",
        "worsened",
        "improved (%)",
        "worsened (%)",
    ];
    let table = ResultTable {
        title: "Changes by class".into(),
        rows_are: "class".into(),
        columns: names.map(Column::plain).into(),
        groups: vec![Group {
            name: None,
            rows: rows.collect(),
        }],
    };
    Section::new("Classes", vec![Content::Table(table)])
}

fn settings(run: &TuneRun<'_>) -> Vec<(String, String)> {
    let settings = &run.plan.settings;
    let [augmenter, copies, patches, overlap] = run.plan.columns();
    let lines = [
        ("augmenter", augmenter),
        ("copies", copies),
        ("patches", patches),
        ("overlap", overlap),
        ("loss", settings.loss.name().into()),
        ("lr", settings.lr.to_string()),
        ("weight decay", settings.weight_decay.to_string()),
        ("steps", settings.steps.to_string()),
        ("selected of all views", settings.selection.all.to_string()),
        ("selected of a patch", settings.selection.patch.to_string()),
        ("seed", run.seed.to_string()),
    ];
    let lines = lines.into_iter();
    lines.map(|(name, value)| (name.into(), value)).collect()
}

fn class_name(run: &TuneRun<'_>, class: Option<usize>) -> String {
    let name = class.and_then(|class| run.class_names.get(class));
    name.cloned().unwrap_or_else(|| "unknown".into())
}

fn caption(run: &TuneRun<'_>, sample: &Sample) -> String {
    let name = |ranking: &[usize]| class_name(run, ranking.first().copied());
    format!(
        "{}: {} → {}",
        class_name(run, sample.label),
        name(&sample.base),
        name(&sample.tuned)
    )
}

/// The views of one image, each with its best class and entropy, and what the tuned
/// context changed.
fn image_page(run: &TuneRun<'_>, sample: &Sample, views: &[View], tuned: &Tuned) -> Result<Page> {
    let pictures = views
        .iter()
        .zip(&tuned.views)
        .map(|(view, seen)| {
            let mark = if seen.is_selected { "✓ " } else { "" };
            Ok(Picture {
                png: png(&view.pixels)?,
                caption: format!(
                    "{mark}{}: {} {:.0} %, entropy {:.2}",
                    view.kind.label(),
                    class_name(run, Some(seen.class)),
                    100.0 * seen.confidence,
                    seen.entropy
                ),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let losses: Vec<String> = tuned
        .losses
        .iter()
        .map(|loss| format!("{loss:.4}"))
        .collect();
    let moved: Vec<String> = tuned
        .moved
        .iter()
        .map(|moved| format!("{moved:.4}"))
        .collect();
    let facts = vec![
        ("file".into(), sample.path.display().to_string()),
        ("label".into(), class_name(run, sample.label)),
        ("loss".into(), losses.join(", ")),
        ("vectors moved by".into(), moved.join(", ")),
        ("views that counted".into(), sample.selected.to_string()),
    ];
    Ok(Page {
        title: caption(run, sample),
        what: "What each view said before tuning, those that counted marked with ✓; and the \
               prediction of the image before and after."
            .into(),
        key_numbers: Vec::new(),
        sections: vec![
            Section::new(
                "Before and after",
                vec![
                    Content::Chart(svg(&bars(run, "Before", &tuned.base))?),
                    Content::Chart(svg(&bars(run, "After", &tuned.tuned))?),
                    Content::KeyValues(facts),
                ],
            ),
            Section::new("Views", vec![Content::Images(pictures)]),
        ],
    })
}

/// The most probable classes as bars.
fn bars(run: &TuneRun<'_>, title: &str, logits: &[f32]) -> ClassBars {
    let highest = logits.iter().copied().fold(f32::MIN, f32::max);
    let exponentials: Vec<f64> = logits
        .iter()
        .map(|x| f64::from(x - highest).exp())
        .collect();
    let sum: f64 = exponentials.iter().sum();
    let classes = clipwright_shared::eval::ranked(logits)
        .into_iter()
        .take(CLASSES)
        .map(|class| (class_name(run, Some(class)), exponentials[class] / sum));
    ClassBars {
        title: title.into(),
        figure: "probability".into(),
        classes: classes.collect(),
        reference: None,
    }
}

pub(super) fn png(view: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    view.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
