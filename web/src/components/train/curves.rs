//! How numbers go over the epochs: an SVG with axes, its lines named at their ends.

use yew::prelude::*;

use crate::components::text::{looks, span};

/// Width and height of the drawing, and where the axes are, in its own units.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;
/// Steps from one line of the grid to the next.
const GRID: usize = 4;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: &'static str,
    /// What styles know it by: `is-train`, `is-held-out`, `is-zero-shot`.
    pub look: &'static str,
    /// Epochs and values.
    pub points: Vec<(usize, f64)>,
    /// The newest value in words.
    pub last: String,
}

/// What the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Number,
    /// Shown in percent.
    Share,
}

impl Axis {
    /// What its upper end is, at least.
    fn top(self) -> f64 {
        match self {
            Self::Number => 0.5,
            Self::Share => 1.0,
        }
    }

    fn label(self, value: f64) -> String {
        match self {
            Self::Number => format!("{value:.1}"),
            Self::Share => format!("{:.0}\u{202f}%", 100.0 * value),
        }
    }
}

/// `epochs` is the last one on the axis.
pub fn curves(
    testid: &'static str,
    title: &'static str,
    axis: Axis,
    epochs: usize,
    series: &[Series],
) -> Html {
    let values = series.iter().flat_map(|line| &line.points);
    let top = values.fold(axis.top(), |top, (_, value)| top.max(*value));
    let x = |epoch: usize| LEFT + (WIDTH - LEFT - RIGHT) * epoch as f64 / epochs.max(1) as f64;
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top);
    let grid = (0..=GRID).map(|step| {
        let value = top * step as f64 / GRID as f64;
        let at = format!("{:.1}", y(value));
        html! {
            <>
                <line class="curve-grid" x1={LEFT.to_string()} x2={(WIDTH - RIGHT).to_string()} y1={at.clone()} y2={at} />
                <text class="curve-label" x={(LEFT - 6.0).to_string()} y={format!("{:.1}", y(value) + 4.0)} text-anchor="end">{ axis.label(value) }</text>
            </>
        }
    });
    let ends = [(0, "start"), (epochs / 2, "middle"), (epochs, "end")];
    let ticks = ends.map(|(epoch, anchor)| {
        html! {
            <text class="curve-label" x={format!("{:.1}", x(epoch))} y={(HEIGHT - 7.0).to_string()} text-anchor={anchor}>
                { epoch }
            </text>
        }
    });
    let lines = series.iter().map(|line| {
        let points = line.points.iter();
        let points = points.map(|&(epoch, value)| format!("{:.1},{:.1}", x(epoch), y(value)));
        let points: Vec<String> = points.collect();
        let end = line.points.last().map(|&(epoch, value)| {
            html! { <circle class={looks("curve-end", line.look)} cx={format!("{:.1}", x(epoch))} cy={format!("{:.1}", y(value))} r="3.5" /> }
        });
        html! {
            <>
                <polyline class={looks("curve-line", line.look)} points={points.join(" ")} />
                { end }
            </>
        }
    });
    let legend = series.iter().map(|line| {
        html! {
            <li class={looks("curve-name", line.look)}>
                <span class="curve-sign" aria-hidden="true" />
                { line.name }{ " " }
                <strong data-testid={format!("{testid}-{}", line.look)}>{ line.last.clone() }</strong>
            </li>
        }
    });
    html! {
        <figure class="curves" data-testid={testid}>
            <figcaption>{ title }{ span("help", ", over the epochs") }</figcaption>
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} role="img" aria-label={spoken(title, series)} focusable="false">
                { for grid }
                { for ticks }
                { for lines }
            </svg>
            <ul class="curve-names">{ for legend }</ul>
        </figure>
    }
}

/// The curves in a sentence.
fn spoken(title: &str, series: &[Series]) -> String {
    let series = series.iter().map(|line| {
        let first = line.points.first().map_or(0.0, |(_, value)| *value);
        let last = line.points.last().map_or(0, |(epoch, _)| *epoch);
        match line.points.len() {
            0 => format!("{}: nothing yet.", line.name),
            1 => format!("{}: {}.", line.name, line.last),
            _ => format!(
                "{}: from {first:.2} to {} in epoch {last}.",
                line.name, line.last
            ),
        }
    });
    format!("{title}. {}", series.collect::<Vec<_>>().join(" "))
}
