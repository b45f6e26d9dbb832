//! How many images each class has, for learning, choosing and measuring.

use anyhow::Result;
use plotters::prelude::*;

use super::axes::{Figures, Frame, round_range, whole_ticks};
use super::canvas::{Anchor, Canvas, LABEL, Point, SMALL, letters};
use super::curves::draw_legend;
use super::style::{GRID, series_colour};
use super::{Chart, MOST_NAMED_CLASSES};

const WIDTH: f64 = 720.0;
const ROW: f64 = 18.0;
const TOP: f64 = 80.0;
const WIDEST_NAME: f64 = 240.0;

/// Images of each class in each part of a data set. Up to [`MOST_NAMED_CLASSES`]
/// each class has its bar; more are a profile, sorted by images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassDistribution {
    pub title: String,
    pub class_names: Vec<String>,
    pub parts: Vec<Part>,
}

/// A part of a data set, such as "train".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// Images of each class, in label order.
    pub images: Vec<usize>,
}

impl Part {
    /// Counts the labels of a part's images.
    pub fn of_labels(
        name: impl Into<String>,
        classes: usize,
        labels: impl IntoIterator<Item = usize>,
    ) -> Self {
        let mut images = vec![0; classes];
        for label in labels {
            if let Some(count) = images.get_mut(label) {
                *count += 1;
            }
        }
        let name = name.into();
        Self { name, images }
    }

    fn of_class(&self, class: usize) -> usize {
        self.images.get(class).copied().unwrap_or_default()
    }
}

impl ClassDistribution {
    fn total(&self, class: usize) -> usize {
        self.parts.iter().map(|part| part.of_class(class)).sum()
    }

    /// From 0 to a round number that no class exceeds.
    fn range(&self) -> (f64, f64) {
        let totals = (0..self.class_names.len()).map(|class| self.total(class) as f64);
        let range = round_range([0.0, 1.0].into_iter().chain(totals));
        range.unwrap_or((0.0, 1.0))
    }

    /// The legend: every part with its images.
    fn names(&self) -> Vec<String> {
        let named = |part: &Part| match part.images.iter().sum() {
            1usize => format!("{}: 1 image", part.name),
            images => format!("{}: {images} images", part.name),
        };
        self.parts.iter().map(named).collect()
    }

    fn draw_bars<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()> {
        let mut names = 0.0_f64;
        for name in &self.class_names {
            names = names.max(canvas.width(name, LABEL)?);
        }
        let names = names.min(WIDEST_NAME);
        let left = 24.0 + names + 10.0;
        let frame = Frame {
            left,
            top: TOP,
            width: WIDTH - left - 110.0,
            height: ROW * self.class_names.len() as f64,
            x: self.range(),
            y: (0.0, 1.0),
        };
        for (tick, text) in whole_ticks(frame.x, 5) {
            let column = frame.column(tick);
            canvas.line(&[(column, frame.top), (column, frame.bottom())], GRID, 1.0)?;
            let style = letters(SMALL + 1.0, Anchor::Middle).muted();
            canvas.text(&text, (column, frame.bottom() + 14.0), style)?;
        }
        for (class, name) in self.class_names.iter().enumerate() {
            let middle = frame.top + ROW * (class as f64 + 0.5);
            let name = canvas.shortened(name, LABEL, names + 1.0)?;
            canvas.text(&name, (left - 8.0, middle), letters(LABEL, Anchor::End))?;
            let (mut images, mut counts) = (0, Vec::new());
            for (at, part) in self.parts.iter().enumerate() {
                let start = frame.column(images as f64);
                images += part.of_class(class);
                let end = frame.column(images as f64);
                counts.push(part.of_class(class).to_string());
                let size = (end - start, 12.0);
                canvas.rectangle((start, middle - 6.0), size, series_colour(at))?;
            }
            let at = (frame.column(images as f64) + 6.0, middle);
            let style = letters(SMALL + 1.0, Anchor::Start).muted();
            canvas.text(&counts.join(" + "), at, style)?;
        }
        Ok(())
    }

    fn draw_profile<B: DrawingBackend<ErrorType: 'static>>(
        &self,
        canvas: &Canvas<B>,
    ) -> Result<()> {
        let mut classes: Vec<usize> = (0..self.class_names.len()).collect();
        classes.sort_by_key(|&class| std::cmp::Reverse(self.total(class)));
        let frame = Frame {
            left: 78.0,
            top: TOP,
            width: WIDTH - 78.0 - 28.0,
            height: 260.0,
            x: (0.0, classes.len() as f64),
            y: self.range(),
        };
        frame.draw_y(canvas, "images", Figures::Numbers)?;
        let mut below = vec![0; classes.len()];
        for (at, part) in self.parts.iter().enumerate() {
            let ground = outline(&frame, &below);
            for (height, &class) in below.iter_mut().zip(&classes) {
                *height += part.of_class(class);
            }
            let roof = outline(&frame, &below);
            let shape: Vec<Point> = roof.into_iter().chain(ground.into_iter().rev()).collect();
            canvas.area(&shape, series_colour(at))?;
        }
        let name = "classes, those with most images first";
        frame.draw_x(canvas, name, &whole_ticks(frame.x, 8))
    }
}

/// The stairs of some heights, from left to right.
fn outline(frame: &Frame, heights: &[usize]) -> Vec<Point> {
    let steps = heights.iter().enumerate();
    steps
        .flat_map(|(at, &height)| {
            let (left, height) = (at as f64, height as f64);
            [
                frame.place((left, height)),
                frame.place((left + 1.0, height)),
            ]
        })
        .collect()
}

impl Chart for ClassDistribution {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        let height = match self.class_names.len() {
            count if count <= MOST_NAMED_CLASSES => TOP + ROW * count as f64 + 34.0,
            _ => 400.0,
        };
        (WIDTH as u32, height as u32)
    }

    fn draw<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()> {
        canvas.title(&self.title, WIDTH - 48.0)?;
        let names = self.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        draw_legend(canvas, &names, 54.0, WIDTH)?;
        if self.class_names.len() <= MOST_NAMED_CLASSES {
            self.draw_bars(canvas)
        } else {
            self.draw_profile(canvas)
        }
    }
}
