//! The colours of all charts.

use plotters::style::RGBColor;

pub const BACKGROUND: RGBColor = RGBColor(255, 255, 255);
/// Titles and names.
pub const INK: RGBColor = RGBColor(31, 41, 51);
/// What explains: axes' names and figures.
pub const MUTED: RGBColor = RGBColor(95, 107, 122);
pub const GRID: RGBColor = RGBColor(228, 232, 238);
/// A heat map's cell with nothing in it.
pub const EMPTY_CELL: RGBColor = RGBColor(245, 247, 250);

pub const BLUE: RGBColor = RGBColor(47, 109, 181);
pub const RED: RGBColor = RGBColor(196, 73, 79);

/// Told apart by most people who see colours otherwise, too.
const SERIES: [RGBColor; 8] = [
    BLUE,
    RGBColor(217, 130, 43),
    RGBColor(46, 158, 107),
    RGBColor(142, 91, 181),
    RED,
    RGBColor(58, 159, 176),
    RGBColor(140, 109, 70),
    RGBColor(123, 135, 148),
];

/// The colour of the series at this place.
pub fn series_colour(at: usize) -> RGBColor {
    SERIES[at % SERIES.len()]
}

/// From `from` at 0 to `to` at 1.
pub fn blend(from: RGBColor, to: RGBColor, share: f64) -> RGBColor {
    let share = share.clamp(0.0, 1.0);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// What the colours of charts within `scope` become on a dark page: rules of CSS.
/// Charts themselves stay as they are, for papers and for viewers that know no dark.
pub fn dark_colours(scope: &str) -> String {
    let rules = [
        ("rect", "fill", BACKGROUND, "#15191f"),
        ("rect", "fill", EMPTY_CELL, "#232a33"),
        ("text", "fill", INK, "#e6e9ee"),
        ("text", "fill", MUTED, "#9aa5b4"),
        ("", "stroke", GRID, "#2b323c"),
        ("", "stroke", MUTED, "#6b7787"),
    ];
    let rules = rules.map(|(element, property, RGBColor(red, green, blue), dark)| {
        let drawn = format!("{element}[{property}=\"#{red:02X}{green:02X}{blue:02X}\"]");
        format!("  {scope} {drawn} {{ {property}: {dark}; }}\n")
    });
    format!(
        "@media screen and (prefers-color-scheme: dark) {{\n{}}}\n",
        rules.concat()
    )
}
