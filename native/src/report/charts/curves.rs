//! Figures over the epochs of a run.

use anyhow::Result;
use plotters::prelude::*;

use super::Chart;
use super::axes::{Figures, Frame, round_range, whole_ticks};
use super::canvas::{Anchor, Canvas, LABEL, Point, letters};
use super::style::series_colour;

/// More points than this of one series are drawn as the range they cover.
const MOST_POINTS: usize = 1200;
/// Up to this many points each is marked.
const MOST_MARKED: usize = 40;

/// Several named curves over one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    pub title: String,
    /// What is counted along the ground, such as "epoch".
    pub x_name: String,
    /// What the curves are, with its unit.
    pub y_name: String,
    pub scale: Scale,
    pub series: Vec<Series>,
}

/// What a curve's figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Between 0 and 1, written in percent.
    Share,
    /// Any number; the axis begins at 0 unless all figures lie far from it.
    Number,
}

/// One curve. Points that are not finite interrupt it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Chart for Curves {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        (720, 400)
    }

    fn draw<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()> {
        let (width, height) = (720.0, 400.0);
        canvas.title(&self.title, width - 48.0)?;
        let names: Vec<&str> = self.series.iter().map(|series| &*series.name).collect();
        let legend = match names.len() {
            0 | 1 => 0.0,
            _ => draw_legend(canvas, &names, 52.0, width)?,
        };
        let points = || self.series.iter().flat_map(|series| &series.points);
        let columns = points().map(|point| point.0).filter(|x| x.is_finite());
        let (first, last) = columns.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        let top = 52.0 + legend;
        let frame = Frame {
            left: 78.0,
            top,
            width: width - 78.0 - 28.0,
            height: height - top - 56.0,
            x: if first < last {
                (first, last)
            } else {
                (0.0, 1.0)
            },
            y: self.scale.range(points().map(|point| point.1)),
        };
        let figures = match self.scale {
            Scale::Share => Figures::Shares,
            Scale::Number => Figures::Numbers,
        };
        frame.draw_y(canvas, &self.y_name, figures)?;
        let ticks = match first < last {
            true => whole_ticks(frame.x, 8),
            // A single point stands in the middle.
            false if first.is_finite() => vec![(0.5, format!("{first:.0}"))],
            false => Vec::new(),
        };
        frame.draw_x(canvas, &self.x_name, &ticks)?;
        for (at, series) in self.series.iter().enumerate() {
            let placed =
                |&(x, y): &(f64, f64)| frame.place((if first < last { x } else { 0.5 }, y));
            let is_drawn = |point: &(f64, f64)| point.0.is_finite() && point.1.is_finite();
            for part in series.points.split(|point| !is_drawn(point)) {
                let line: Vec<Point> = thinned(part).iter().map(placed).collect();
                canvas.line(&line, series_colour(at), 2.0)?;
                if part.len() <= MOST_MARKED {
                    for &point in &line {
                        canvas.dot(point, 2.5, series_colour(at))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Scale {
    /// The axis's ends.
    fn range(self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        let values: Vec<f64> = values.collect();
        let Some((low, high)) = round_range(values.iter().copied()) else {
            return (0.0, 1.0);
        };
        match self {
            Self::Share => {
                // Half a percent of difference should not look like a leap.
                let short = (0.1 - (high - low)).max(0.0);
                ((low - short / 2.0).max(0.0), (high + short / 2.0).min(1.0))
            }
            Self::Number if low >= 0.0 && low < 0.6 * high => (0.0, high),
            Self::Number => (low, high),
        }
    }
}

/// The lowest and the highest point of each stretch, so that no peak is lost.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let mut kept = Vec::new();
    for part in points.chunks(stretch) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let ends = part
            .iter()
            .min_by(by_height)
            .zip(part.iter().max_by(by_height));
        if let Some((&low, &high)) = ends {
            kept.extend(if low.0 <= high.0 {
                [low, high]
            } else {
                [high, low]
            });
        }
    }
    kept
}

/// Names with their colours in rows that begin at `top`; returns their height.
pub(super) fn draw_legend<B: DrawingBackend<ErrorType: 'static>>(
    canvas: &Canvas<B>,
    names: &[&str],
    top: f64,
    width: f64,
) -> Result<f64> {
    const ROW: f64 = 20.0;
    let (left, right) = (24.0, width - 24.0);
    let (mut x, mut y) = (left, top);
    for (at, name) in names.iter().enumerate() {
        let name = canvas.shortened(name, LABEL, 300.0)?;
        let entry = 20.0 + canvas.width(&name, LABEL)? + 20.0;
        if x > left && x + entry > right {
            (x, y) = (left, y + ROW);
        }
        canvas.rectangle((x, y - 2.0), (14.0, 4.0), series_colour(at))?;
        canvas.text(&name, (x + 20.0, y), letters(LABEL, Anchor::Start))?;
        x += entry;
    }
    Ok(y + ROW - top)
}
