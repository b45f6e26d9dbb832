//! One figure of each class, such as F1, the best first.

use anyhow::Result;
use clipwright_shared::eval::Metrics;
use plotters::prelude::*;

use super::axes::{Figures, Frame, ticks, whole_ticks, written};
use super::canvas::{Anchor, Canvas, LABEL, SMALL, letters};
use super::style::{BLUE, GRID, MUTED, RED};
use super::{Chart, MOST_NAMED_CLASSES};

const WIDTH: f64 = 720.0;
const ROW: f64 = 18.0;
const TOP: f64 = 58.0;
/// Above this much of the width, names are cut.
const WIDEST_NAME: f64 = 240.0;
/// How many of the lowest classes a profile names.
const NAMED_LOWEST: usize = 15;

/// One share of each class, sorted. Up to [`MOST_NAMED_CLASSES`] each has its bar;
/// more are a profile beside which the lowest are named.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassBars {
    pub title: String,
    /// What is shown, such as "F1".
    pub figure: String,
    /// Classes with their shares, between 0 and 1.
    pub classes: Vec<(String, f64)>,
    /// A line across, such as the mean, with what it is.
    pub reference: Option<(String, f64)>,
}

impl ClassBars {
    /// F1 of every class that has images, with their mean.
    pub fn f1(metrics: &Metrics) -> Self {
        let present = metrics.per_class.iter().filter(|class| class.images > 0);
        let classes: Vec<(String, f64)> = present
            .map(|class| (class.class.clone(), class.f1))
            .collect();
        let absent = metrics.per_class.len() - classes.len();
        let title = match absent {
            0 => "F1 of each class".into(),
            1 => "F1 of each class (1 class has no images)".into(),
            _ => format!("F1 of each class ({absent} classes have no images)"),
        };
        Self {
            title,
            figure: "F1".into(),
            classes,
            reference: Some(("mean".into(), metrics.macro_f1)),
        }
    }

    /// Best first; equal ones in the order they came in.
    fn sorted(&self) -> Vec<&(String, f64)> {
        let mut sorted: Vec<&(String, f64)> = self.classes.iter().collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        sorted
    }

    fn reference_text(&self) -> String {
        let reference = self.reference.as_ref();
        let text = reference.map(|(name, value)| format!("{name} {:.1} %", 100.0 * value));
        text.unwrap_or_default()
    }

    fn draw_bars<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()> {
        let mut names = 0.0_f64;
        for (name, _) in &self.classes {
            names = names.max(canvas.width(name, LABEL)?);
        }
        let names = names.min(WIDEST_NAME);
        let left = 24.0 + names + 10.0;
        let frame = Frame {
            left,
            top: TOP,
            width: WIDTH - left - 76.0,
            height: ROW * self.classes.len() as f64,
            x: (0.0, 1.0),
            y: (0.0, 1.0),
        };
        let ticks = ticks(frame.x, 5);
        for &tick in &ticks {
            let column = frame.column(tick);
            canvas.line(&[(column, frame.top), (column, frame.bottom())], GRID, 1.0)?;
            let text = written(tick, &ticks, Figures::Shares);
            let style = letters(SMALL + 1.0, Anchor::Middle).muted();
            canvas.text(&text, (column, frame.bottom() + 14.0), style)?;
        }
        for (at, (name, share)) in self.sorted().into_iter().enumerate() {
            let middle = frame.top + ROW * (at as f64 + 0.5);
            let name = canvas.shortened(name, LABEL, names + 1.0)?;
            canvas.text(&name, (left - 8.0, middle), letters(LABEL, Anchor::End))?;
            let bar = frame.column(share.clamp(0.0, 1.0)) - left;
            let below = matches!(self.reference, Some((_, value)) if *share < value);
            let colour = if below { BLUE.mix(0.55) } else { BLUE.mix(1.0) };
            canvas.rectangle((left, middle - 6.0), (bar, 12.0), colour)?;
            let text = format!("{:.1} %", 100.0 * share);
            let style = letters(SMALL + 1.0, Anchor::End).muted();
            canvas.text(&text, (WIDTH - 20.0, middle), style)?;
        }
        if let Some((_, value)) = self.reference {
            let column = frame.column(value);
            let line = [(column, frame.top - 6.0), (column, frame.bottom())];
            canvas.line(&line, RED, 1.5)?;
            let style = letters(SMALL + 1.0, Anchor::Middle).colour(RED);
            canvas.text(&self.reference_text(), (column, frame.top - 13.0), style)?;
        }
        Ok(())
    }

    fn draw_profile<B: DrawingBackend<ErrorType: 'static>>(
        &self,
        canvas: &Canvas<B>,
    ) -> Result<()> {
        let sorted = self.sorted();
        let count = sorted.len() as f64;
        let frame = Frame {
            left: 78.0,
            top: TOP,
            width: 360.0,
            height: 290.0,
            x: (0.0, count),
            y: (0.0, 1.0),
        };
        frame.draw_y(canvas, &self.figure, Figures::Shares)?;
        let mut steps = vec![frame.place((0.0, 0.0))];
        for (at, (_, share)) in sorted.iter().enumerate() {
            steps.push(frame.place((at as f64, *share)));
            steps.push(frame.place((at as f64 + 1.0, *share)));
        }
        steps.push(frame.place((count, 0.0)));
        canvas.area(&steps, BLUE.mix(0.25))?;
        canvas.line(&steps[1..steps.len() - 1], BLUE, 2.0)?;
        frame.draw_x(canvas, "classes, the best first", &whole_ticks(frame.x, 5))?;
        if let Some((_, value)) = self.reference {
            let row = frame.row(value);
            canvas.line(&[(frame.left, row), (frame.right(), row)], RED, 1.5)?;
            let style = letters(SMALL + 1.0, Anchor::End).colour(RED);
            let at = (frame.right() - 4.0, row - 9.0);
            canvas.text(&self.reference_text(), at, style)?;
        }
        let left = frame.right() + 34.0;
        let heading = letters(LABEL, Anchor::Start).muted();
        canvas.text("the lowest", (left, TOP), heading)?;
        for (at, (name, share)) in sorted.iter().rev().take(NAMED_LOWEST).enumerate() {
            let middle = TOP + 20.0 * (at as f64 + 1.0);
            let figure = format!("{:.1} %", 100.0 * share);
            let figure_end = WIDTH - 24.0;
            let most = figure_end - left - 56.0;
            let name = canvas.shortened(name, LABEL, most)?;
            canvas.text(&name, (left, middle), letters(LABEL, Anchor::Start))?;
            let style = letters(SMALL + 1.0, Anchor::End).colour(MUTED);
            canvas.text(&figure, (figure_end, middle), style)?;
        }
        Ok(())
    }
}

impl Chart for ClassBars {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        let height = match self.classes.len() {
            count if count <= MOST_NAMED_CLASSES => TOP + ROW * count as f64 + 34.0,
            _ => 410.0,
        };
        (WIDTH as u32, height as u32)
    }

    fn draw<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()> {
        canvas.title(&self.title, WIDTH - 48.0)?;
        if self.classes.len() <= MOST_NAMED_CLASSES {
            self.draw_bars(canvas)
        } else {
            self.draw_profile(canvas)
        }
    }
}
