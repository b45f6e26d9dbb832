//! Accuracy over the number of images learned from.

use anyhow::Result;
use clipwright_shared::eval::Summary;
use plotters::prelude::*;

use super::Chart;
use super::axes::{Figures, Frame, round_range};
use super::canvas::{Canvas, Point};
use super::curves::draw_legend;
use super::style::series_colour;

/// Accuracy of several methods over the shots, with its deviation over the seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyOverShots {
    pub title: String,
    pub methods: Vec<MethodLine>,
}

/// One method's accuracies.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodLine {
    pub name: String,
    /// Shots (0: zero-shot), and accuracy between 0 and 1, in any order.
    pub points: Vec<(usize, Summary)>,
}

impl Chart for AccuracyOverShots {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        (720, 440)
    }

    fn draw<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()> {
        let (width, height) = (720.0, 440.0);
        canvas.title(&self.title, width - 48.0)?;
        let names: Vec<&str> = self.methods.iter().map(|method| &*method.name).collect();
        let top = 52.0 + draw_legend(canvas, &names, 52.0, width)?;
        let points = || self.methods.iter().flat_map(|method| &method.points);
        // Each number of shots has its place; they double, so the places are equal.
        let mut places: Vec<usize> = points().map(|point| point.0).collect();
        places.sort_unstable();
        places.dedup();
        let ends = points().flat_map(|(_, accuracy)| {
            let deviation = accuracy.deviation;
            [accuracy.mean - deviation, accuracy.mean + deviation]
        });
        let (low, high) = round_range(ends).unwrap_or((0.0, 1.0));
        let frame = Frame {
            left: 78.0,
            top,
            width: width - 78.0 - 28.0,
            height: height - top - 56.0,
            x: (-0.35, places.len() as f64 - 0.65),
            y: (low.max(0.0), high.min(1.0)),
        };
        frame.draw_y(canvas, "accuracy", Figures::Shares)?;
        let named = places.iter().enumerate();
        let ticks: Vec<(f64, String)> = named
            .map(|(at, shots)| (at as f64, shots.to_string()))
            .collect();
        frame.draw_x(canvas, "shots (images learned from, of each class)", &ticks)?;
        for (at, method) in self.methods.iter().enumerate() {
            draw_method(canvas, &frame, &places, method, series_colour(at))?;
        }
        Ok(())
    }
}

/// A line with whiskers and, where there is more than one point, a band.
fn draw_method<B: DrawingBackend<ErrorType: 'static>>(
    canvas: &Canvas<B>,
    frame: &Frame,
    places: &[usize],
    method: &MethodLine,
    colour: RGBColor,
) -> Result<()> {
    let mut points = method.points.clone();
    points.retain(|(_, accuracy)| accuracy.mean.is_finite() && accuracy.deviation.is_finite());
    points.sort_by_key(|point| point.0);
    let place = |shots: usize, accuracy: f64| -> Point {
        let at = places.binary_search(&shots).unwrap_or_default();
        frame.place((at as f64, accuracy))
    };
    let upper = points
        .iter()
        .map(|(shots, a)| place(*shots, a.mean + a.deviation));
    let lower = points
        .iter()
        .map(|(shots, a)| place(*shots, a.mean - a.deviation));
    let band: Vec<Point> = upper.chain(lower.rev()).collect();
    if points.len() > 1 && points.iter().any(|point| point.1.deviation > 0.0) {
        canvas.area(&band, colour.mix(0.12))?;
    }
    let line: Vec<Point> = points
        .iter()
        .map(|(shots, a)| place(*shots, a.mean))
        .collect();
    canvas.line(&line, colour, 2.0)?;
    for (&(shots, accuracy), &centre) in points.iter().zip(&line) {
        let (mean, deviation) = (accuracy.mean, accuracy.deviation);
        if deviation > 0.0 {
            let (top, bottom) = (
                place(shots, mean + deviation),
                place(shots, mean - deviation),
            );
            canvas.line(&[top, bottom], colour, 1.5)?;
            for (x, y) in [top, bottom] {
                canvas.line(&[(x - 4.0, y), (x + 4.0, y)], colour, 1.5)?;
            }
        }
        canvas.dot(centre, 3.5, colour)?;
    }
    Ok(())
}
