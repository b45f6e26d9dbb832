//! Charts in one style, each as SVG or as PNG by the same code.

mod axes;
mod canvas;
mod class_bars;
mod confusion;
mod curves;
mod distribution;
mod shots;
mod style;

use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use plotters::style::register_font;

pub use canvas::Canvas;
pub use class_bars::ClassBars;
pub use confusion::ConfusionChart;
pub use curves::{Curves, Scale, Series};
pub use distribution::{ClassDistribution, Part};
pub use shots::{AccuracyOverShots, MethodLine};

pub use style::dark_colours;

use canvas::SCALE;
use style::BACKGROUND;

/// With more classes than this their names are too small to read: charts then show
/// a profile of all, and name only the classes that stand out.
pub const MOST_NAMED_CLASSES: usize = 60;

/// Something drawn on a canvas of its own.
pub trait Chart {
    /// What it shows, for those who do not see it.
    fn title(&self) -> String;

    /// Width and height in pixels, at a screen's usual density.
    fn size(&self) -> (u32, u32);

    /// Draws on a canvas of [`Chart::size`].
    fn draw<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()>;
}

/// A chart's pixels as a PNG file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    pub bytes: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// The chart as SVG: text stays text, nothing is loaded from elsewhere.
///
/// # Errors
/// If plotters cannot draw.
pub fn svg(chart: &impl Chart) -> Result<String> {
    let mut text = String::new();
    let (width, height) = chart.size();
    let inner = dense(chart.size());
    {
        let area = SVGBackend::with_string(&mut text, inner).into_drawing_area();
        draw_on(chart, &area)?;
    }
    // Drawn at twice the size for finer steps, and shown at the size that was asked.
    let drawn = format!("<svg width=\"{}\" height=\"{}\"", inner.0, inner.1);
    let title = maud::html! { (chart.title()) }.into_string();
    let shown =
        format!("<svg role=\"img\" aria-label=\"{title}\" width=\"{width}\" height=\"{height}\"");
    Ok(text.replacen(&drawn, &shown, 1))
}

/// The chart as PNG, twice as dense as its size says.
///
/// # Errors
/// If plotters cannot draw.
pub fn png(chart: &impl Chart) -> Result<Png> {
    let (width, height) = dense(chart.size());
    let mut pixels = vec![0; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw_on(chart, &area)?;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(Png {
        bytes,
        width,
        height,
    })
}

fn dense((width, height): (u32, u32)) -> (u32, u32) {
    (width * SCALE as u32, height * SCALE as u32)
}

fn draw_on<B: DrawingBackend<ErrorType: 'static>>(
    chart: &impl Chart,
    area: &DrawingArea<B, plotters::coord::Shift>,
) -> Result<()> {
    know_the_font()?;
    area.fill(&BACKGROUND)?;
    chart.draw(&Canvas::new(area))?;
    area.present().context("cannot finish a chart")
}

/// The font that text is measured and, in PNG files, drawn with.
fn know_the_font() -> Result<()> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let font = include_bytes!("../../../../static/fonts/dejavu-sans-subset.ttf");
    let known = KNOWN.get_or_init(|| register_font("sans-serif", FontStyle::Normal, font).is_ok());
    match known {
        true => Ok(()),
        false => Err(anyhow!("the embedded font cannot be read")),
    }
}
