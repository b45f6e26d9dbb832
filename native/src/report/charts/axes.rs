//! Axes: where figures lie, and round numbers to read them by.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{Anchor, Canvas, LABEL, Point, SMALL, letters};
use super::style::{GRID, MUTED};

/// What the figures of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    /// Between 0 and 1, written in percent.
    Shares,
    Numbers,
}

/// The box that figures are drawn in.
pub struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: (f64, f64),
    pub y: (f64, f64),
}

impl Frame {
    /// Where a point lies on the canvas.
    pub fn place(&self, (x, y): Point) -> Point {
        (self.column(x), self.row(y))
    }

    pub fn column(&self, x: f64) -> f64 {
        self.left + self.width * share(x, self.x)
    }

    pub fn row(&self, y: f64) -> f64 {
        self.top + self.height * (1.0 - share(y, self.y))
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Lines across at round numbers, with their figures, and the axis's name.
    pub fn draw_y<B: DrawingBackend<ErrorType: 'static>>(
        &self,
        canvas: &Canvas<B>,
        name: &str,
        figures: Figures,
    ) -> Result<()> {
        let ticks = ticks(self.y, 6);
        for &tick in &ticks {
            let row = self.row(tick);
            canvas.line(&[(self.left, row), (self.right(), row)], GRID, 1.0)?;
            let text = written(tick, &ticks, figures);
            let style = letters(SMALL + 1.0, Anchor::End).muted();
            canvas.text(&text, (self.left - 8.0, row), style)?;
        }
        let middle = (18.0, self.top + self.height / 2.0);
        let style = letters(LABEL, Anchor::Middle).muted().upwards();
        canvas.text(name, middle, style)
    }

    /// The ground line with `ticks` and what stands under them, and the axis's name.
    pub fn draw_x<B: DrawingBackend<ErrorType: 'static>>(
        &self,
        canvas: &Canvas<B>,
        name: &str,
        ticks: &[(f64, String)],
    ) -> Result<()> {
        let ground = self.bottom();
        canvas.line(&[(self.left, ground), (self.right(), ground)], MUTED, 1.0)?;
        for (tick, text) in ticks {
            let column = self.column(*tick);
            canvas.line(&[(column, ground), (column, ground + 4.0)], MUTED, 1.0)?;
            let style = letters(SMALL + 1.0, Anchor::Middle).muted();
            canvas.text(text, (column, ground + 15.0), style)?;
        }
        let middle = (self.left + self.width / 2.0, ground + 36.0);
        canvas.text(name, middle, letters(LABEL, Anchor::Middle).muted())
    }
}

fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    if high > low {
        (value - low) / (high - low)
    } else {
        0.5
    }
}

/// Round numbers within `range`, about as many as asked for.
pub fn ticks((low, high): (f64, f64), about: usize) -> Vec<f64> {
    let step = round_step(high - low, about);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|at| at as f64 * step).collect()
}

/// As [`ticks`], for what is counted.
pub fn whole_ticks(range: (f64, f64), about: usize) -> Vec<(f64, String)> {
    let ticks = ticks(range, about).into_iter();
    let whole = ticks.filter(|tick| (tick - tick.round()).abs() < 1e-9);
    whole.map(|tick| (tick, format!("{tick:.0}"))).collect()
}

/// The range from one round number to another that holds all `values`; `None` if
/// none is finite.
pub fn round_range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let range = finite.fold(None, |range: Option<(f64, f64)>, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    let (low, high) = range?;
    // Figures that hardly differ still need a height.
    let least = (1e-3 * low.abs().max(high.abs())).max(1e-12);
    let (low, high) = match high - low < least {
        true => (low - least, high + least),
        false => (low, high),
    };
    let step = round_step(high - low, 6);
    let slack = 1e-9;
    let low_end = (low / step + slack).floor() * step;
    Some((low_end, (high / step - slack).ceil() * step))
}

/// 1, 2 or 5 times a power of ten.
fn round_step(span: f64, about: usize) -> f64 {
    let raw = (span / about.max(1) as f64).max(f64::MIN_POSITIVE * 1e10);
    let power = 10f64.powf(raw.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let factor = factors
        .into_iter()
        .find(|factor| factor * power >= raw * 0.999);
    factor.unwrap_or(10.0) * power
}

/// A tick's figure, with as many decimals as tell the ticks apart.
pub fn written(tick: f64, ticks: &[f64], figures: Figures) -> String {
    let step = match ticks {
        [first, second, ..] => second - first,
        _ => tick.abs().max(1.0),
    };
    let (tick, step, unit) = match figures {
        Figures::Shares => (100.0 * tick, 100.0 * step, " %"),
        Figures::Numbers => (tick, step, ""),
    };
    let decimals = (-(step * 1.001).log10().floor()).max(0.0) as usize;
    let largest = ticks
        .iter()
        .fold(0.0, |largest: f64, tick| largest.max(tick.abs()));
    // The sign of a zero that comes from rounding is not worth showing.
    let tick = if tick.abs() < step / 1e3 { 0.0 } else { tick };
    if decimals > 4 || largest >= 1e6 {
        format!("{tick:.1e}{unit}")
    } else {
        format!("{tick:.decimals$}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (values, range, texts) in [
            (
                &[0.0, 0.93][..],
                (0.0, 1.0),
                "0 %|20 %|40 %|60 %|80 %|100 %",
            ),
            (
                &[0.71, 0.74],
                (0.71, 0.74),
                "71.0 %|71.5 %|72.0 %|72.5 %|73.0 %|73.5 %|74.0 %",
            ),
        ] {
            let found = round_range(values.iter().copied()).unwrap();
            assert!((found.0 - range.0).abs() < 1e-9, "{found:?}");
            assert!((found.1 - range.1).abs() < 1e-9, "{found:?}");
            let ticks = ticks(found, 6);
            let written: Vec<String> = ticks
                .iter()
                .map(|&tick| written(tick, &ticks, Figures::Shares))
                .collect();
            assert_eq!(written.join("|"), texts);
        }
        let constant = round_range([0.5, 0.5]).unwrap();
        assert!(constant.0 < 0.5 && constant.1 > 0.5, "{constant:?}");
        assert_eq!(round_range([f64::NAN, f64::INFINITY]), None);
        let rate = ticks((0.0, 0.002), 6);
        assert_eq!(written(rate[1], &rate, Figures::Numbers), "0.0005");
        let tiny = ticks((0.0, 0.00002), 6);
        assert_eq!(written(tiny[1], &tiny, Figures::Numbers), "5.0e-6");
    }
}
