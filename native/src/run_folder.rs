//! What a training run leaves behind. Every file appears whole or not at all,
//! but for the metrics, which grow line by line.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use plotters::prelude::*;
use serde::Serialize;

use crate::problem::problem;
use crate::training::EpochReport;
use crate::whole_file::write_whole;

/// The file whose presence says that a run is finished.
const LEARNED: &str = "learned.safetensors";

/// A folder in which one run is written.
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
}

impl RunFolder {
    /// Creates the folder with its resolved plan.
    ///
    /// # Errors
    /// If it holds a finished run and `overwrite` is not set, or cannot be
    /// written.
    pub fn create(path: &Path, plan: &impl Serialize, overwrite: bool) -> Result<Self> {
        if path.join(LEARNED).exists() {
            if !overwrite {
                return Err(problem(
                    format!("{} holds a finished run", path.display()),
                    "choose another --out, or replace the run with --overwrite",
                ));
            }
            fs::remove_file(path.join(LEARNED))?;
        }
        fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
        write_whole(
            &path.join("plan.json"),
            serde_json::to_string_pretty(plan)?.as_bytes(),
        )?;
        let metrics = path.join("metrics.jsonl");
        let metrics = File::create(&metrics)
            .with_context(|| format!("cannot write {}", metrics.display()))?;
        Ok(Self {
            path: path.into(),
            metrics,
        })
    }

    /// Appends one line of metrics.
    pub fn log(&mut self, record: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(record)?;
        writeln!(self.metrics, "{line}").context("cannot write metrics.jsonl")
    }

    /// Writes the curves, the summary and, last, what was learned.
    pub fn finish(
        self,
        epochs: &[EpochReport],
        summary: &impl Serialize,
        learned: &[u8],
    ) -> Result<PathBuf> {
        let curves = draw_curves(epochs)?;
        write_whole(&self.path.join("curves.svg"), curves.as_bytes())?;
        let summary = serde_json::to_string_pretty(summary)?;
        write_whole(&self.path.join("summary.json"), summary.as_bytes())?;
        let learned_path = self.path.join(LEARNED);
        write_whole(&learned_path, learned)?;
        Ok(learned_path)
    }
}

/// Loss and accuracy over the epochs, as SVG.
fn draw_curves(epochs: &[EpochReport]) -> Result<String> {
    let mut svg = String::new();
    let loss: Vec<(f64, f64)> = points(epochs, |epoch| epoch.loss);
    let accuracy: Vec<(f64, f64)> = points(epochs, |epoch| epoch.accuracy);
    let highest = loss.iter().map(|point| point.1).fold(0.1, f64::max);
    {
        let area = SVGBackend::with_string(&mut svg, (960, 360)).into_drawing_area();
        area.fill(&WHITE)?;
        let halves = area.split_evenly((1, 2));
        let blue = RGBColor(0, 114, 178);
        draw_curve(
            &halves[0],
            "Training loss (nats)",
            &loss,
            1.05 * highest,
            blue,
        )?;
        let green = RGBColor(0, 158, 115);
        draw_curve(&halves[1], "Training accuracy", &accuracy, 1.0, green)?;
        area.present()?;
    }
    Ok(svg)
}

fn points(epochs: &[EpochReport], value: impl Fn(&EpochReport) -> f64) -> Vec<(f64, f64)> {
    epochs
        .iter()
        .map(|epoch| (epoch.epoch as f64, value(epoch)))
        .collect()
}

fn draw_curve(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    points: &[(f64, f64)],
    top: f64,
    colour: RGBColor,
) -> Result<()> {
    let last = points.last().map_or(1.0, |point| point.0.max(1.0));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(16)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..last, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE.mix(0.0))
        .x_desc("epoch")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.2}"))
        .draw()?;
    chart.draw_series(LineSeries::new(
        points.iter().copied(),
        colour.stroke_width(2),
    ))?;
    Ok(())
}
