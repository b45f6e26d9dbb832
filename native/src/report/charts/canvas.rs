//! A surface in pixels, with the few shapes that charts are made of.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::style::{INK, MUTED};

/// Drawn pixels for each pixel of a chart's size: plotters' coordinates are whole
/// numbers, so this is also how finely lines are placed.
pub const SCALE: f64 = 2.0;

/// plotters makes letters this much smaller than it is told.
const FONT_SHRINKS: f64 = 1.24;

/// Sizes of letters, in pixels.
pub const TITLE: f64 = 16.0;
pub const LABEL: f64 = 12.0;
pub const SMALL: f64 = 10.0;

/// Where a text lies of the point it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It starts there.
    Start,
    Middle,
    /// It ends there.
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Letters {
    pub size: f64,
    pub colour: RGBColor,
    pub anchor: Anchor,
    /// Whether it runs upwards.
    pub upwards: bool,
}

/// Letters of this size and anchor, in the colour of names.
pub fn letters(size: f64, anchor: Anchor) -> Letters {
    Letters {
        size,
        colour: INK,
        anchor,
        upwards: false,
    }
}

impl Letters {
    pub fn colour(self, colour: RGBColor) -> Self {
        Self { colour, ..self }
    }

    pub fn muted(self) -> Self {
        self.colour(MUTED)
    }

    pub fn upwards(self) -> Self {
        Self {
            upwards: true,
            ..self
        }
    }
}

/// A point in pixels from the top left.
pub type Point = (f64, f64);

/// A surface to draw on, in pixels.
pub struct Canvas<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
}

impl<'a, B: DrawingBackend<ErrorType: 'static>> Canvas<'a, B> {
    pub(super) fn new(area: &'a DrawingArea<B, Shift>) -> Self {
        Self { area }
    }

    /// A filled rectangle.
    pub fn rectangle(
        &self,
        (left, top): Point,
        (width, height): (f64, f64),
        colour: impl Color,
    ) -> Result<()> {
        let corners = [place((left, top)), place((left + width, top + height))];
        let fill = ShapeStyle::from(&colour).filled();
        Ok(self.area.draw(&Rectangle::new(corners, fill))?)
    }

    /// A line through `points`; a single point has none.
    pub fn line(&self, points: &[Point], colour: impl Color, width: f64) -> Result<()> {
        if points.len() < 2 {
            return Ok(());
        }
        let width = (width * SCALE).round().max(1.0) as u32;
        let style = ShapeStyle::from(&colour).stroke_width(width);
        let points: Vec<(i32, i32)> = points.iter().copied().map(place).collect();
        Ok(self.area.draw(&PathElement::new(points, style))?)
    }

    /// A filled area within `points`.
    pub fn area(&self, points: &[Point], colour: impl Color) -> Result<()> {
        let points: Vec<(i32, i32)> = points.iter().copied().map(place).collect();
        let fill = ShapeStyle::from(&colour).filled();
        Ok(self.area.draw(&Polygon::new(points, fill))?)
    }

    /// A filled disc.
    pub fn dot(&self, centre: Point, radius: f64, colour: impl Color) -> Result<()> {
        let fill = ShapeStyle::from(&colour).filled();
        let radius = (radius * SCALE).round() as i32;
        Ok(self.area.draw(&Circle::new(place(centre), radius, fill))?)
    }

    /// Text on one line, centred on the point's height; upwards, on its column.
    pub fn text(&self, text: &str, at: Point, letters: Letters) -> Result<()> {
        let horizontal = match letters.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let transform = match letters.upwards {
            true => FontTransform::Rotate270,
            false => FontTransform::None,
        };
        let style = ("sans-serif", letters.size * SCALE * FONT_SHRINKS)
            .into_font()
            .transform(transform)
            .color(&letters.colour)
            .pos(Pos::new(horizontal, VPos::Center));
        let text = Text::new(one_line(text), place(at), style);
        Ok(self.area.draw(&text)?)
    }

    /// The width of a text in pixels.
    pub fn width(&self, text: &str, size: f64) -> Result<f64> {
        let font = ("sans-serif", size * SCALE * FONT_SHRINKS).into_font();
        let (width, _) = self
            .area
            .estimate_text_size(&one_line(text), &font.into())?;
        Ok(f64::from(width) / SCALE)
    }

    /// A text cut so that it fits, with an ellipsis where something is gone.
    pub fn shortened(&self, text: &str, size: f64, most: f64) -> Result<String> {
        let text = one_line(text);
        if self.width(&text, size)? <= most {
            return Ok(text);
        }
        // The widest prefix that fits, found by halving.
        let letters: Vec<char> = text.chars().collect();
        let cut = |kept: usize| {
            let kept: String = letters[..kept].iter().collect();
            format!("{}…", kept.trim_end())
        };
        let (mut fits, mut too_long) = (0, letters.len());
        while too_long - fits > 1 {
            let middle = (fits + too_long) / 2;
            if self.width(&cut(middle), size)? <= most {
                fits = middle;
            } else {
                too_long = middle;
            }
        }
        Ok(cut(fits))
    }

    /// The title at the top left.
    pub fn title(&self, title: &str, most: f64) -> Result<()> {
        let title = self.shortened(title, TITLE, most)?;
        self.text(&title, (24.0, 26.0), letters(TITLE, Anchor::Start))
    }
}

fn place((x, y): Point) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

/// Text that XML can hold: control characters and what is no character become
/// blanks. plotters escapes the rest.
fn one_line(text: &str) -> String {
    let allowed = |c: char| match c {
        _ if c.is_control() => ' ',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ => c,
    };
    text.chars().map(allowed).collect()
}
