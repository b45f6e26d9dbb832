//! The loss at the start and after each step.

use yew::prelude::*;

use crate::components::text::looks;
use crate::state::ShownTuning;

/// The drawing's own measures.
const WIDTH: f32 = 300.0;
const HEIGHT: f32 = 120.0;
const LEFT: f32 = 48.0;
const RIGHT: f32 = 12.0;
const TOP: f32 = 12.0;
const BOTTOM: f32 = 24.0;

/// `step` is the one that is looked at.
pub fn loss_line(shown: ShownTuning<'_>, step: usize) -> Html {
    // The start's first.
    let losses: Vec<f32> = shown.answer.points.iter().map(|point| point.loss).collect();
    let losses = &losses[..];
    let low = losses.iter().copied().fold(f32::INFINITY, f32::min);
    let high = losses.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let steps = losses.len().saturating_sub(1).max(1) as f32;
    let x = |at: usize| LEFT + (WIDTH - LEFT - RIGHT) * at as f32 / steps;
    let y = |loss: f32| {
        let share = if high > low {
            (high - loss) / (high - low)
        } else {
            0.5
        };
        TOP + (HEIGHT - TOP - BOTTOM) * share
    };
    let points = losses.iter().enumerate();
    let line = points
        .clone()
        .map(|(at, loss)| format!("{:.1},{:.1}", x(at), y(*loss)));
    let line = line.collect::<Vec<_>>().join(" ");
    let dots = points.map(|(at, loss)| {
        let is_here = at == step;
        html! {
            <>
                <circle
                    class={looks("loss-dot", is_here.then_some("is-here"))} cx={format!("{:.1}", x(at))}
                    cy={format!("{:.1}", y(*loss))} r={if is_here { "5" } else { "3.5" }}
                />
                <text class="axis-text" x={format!("{:.1}", x(at))} y={(HEIGHT - 7.0).to_string()} text-anchor="middle">
                    { at }
                </text>
            </>
        }
    });
    let marks = match high > low {
        true => vec![high, low],
        false => vec![high],
    };
    let marks = marks.into_iter().map(|loss| {
        let height = format!("{:.1}", y(loss));
        html! {
            <>
                <line class="axis-line" x1={LEFT.to_string()} x2={WIDTH.to_string()} y1={height.clone()} y2={height} />
                <text class="axis-text" x={(LEFT - 8.0).to_string()} y={format!("{:.1}", y(loss) + 4.0)} text-anchor="end">
                    { number(loss) }
                </text>
            </>
        }
    });
    let now = losses.get(step).copied().unwrap_or_default();
    html! {
        <figure class="tune-loss" data-testid="tune-loss-line" data-losses={joined(losses)}>
            <figcaption class="slider-label">
                <span title="What a step makes smaller, in nats.">{ "Loss" }</span>
                <output>{ number(now) }</output>
            </figcaption>
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} role="img" aria-label={spoken(losses)}>
                { for marks }
                <polyline class="loss-line" points={line} />
                { for dots }
            </svg>
        </figure>
    }
}

/// Four digits that count.
fn number(loss: f32) -> String {
    match loss.abs() {
        size if size >= 10.0 => format!("{loss:.2}"),
        size if size >= 0.001 || size == 0.0 => format!("{loss:.4}"),
        _ => format!("{loss:.1e}"),
    }
}

fn joined(losses: &[f32]) -> String {
    let losses: Vec<String> = losses.iter().map(f32::to_string).collect();
    losses.join(" ")
}

fn spoken(losses: &[f32]) -> String {
    let losses = losses.iter().enumerate();
    let losses = losses.map(|(at, loss)| match at {
        0 => format!("{} at the start", number(*loss)),
        _ => format!("{} after step {at}", number(*loss)),
    });
    format!("Loss: {}", losses.collect::<Vec<_>>().join(", "))
}
