//! How far each context vector has moved, shown in the prompt itself.

use clipwright_shared::protocol::TunedContext;
use clipwright_shared::tuning::TuningPoint;
use yew::prelude::*;

use crate::components::text::{help, looks, span};
use crate::state::ShownTuning;

/// At the step looked at, which is `now`.
pub fn moved(shown: ShownTuning<'_>, now: &TuningPoint, step: usize) -> Html {
    let context = &shown.answer.context;
    let points = shown.answer.points.iter();
    let all = points.flat_map(|point| point.moved.iter().copied());
    // The farthest that any went in any step is the whole width of a bar.
    let most = all.fold(0f32, f32::max);
    let class_name = shown.top(step).map_or("", |top| top.0);
    let moved = of_each(&now.moved, context.n_ctx);
    let before = context.class_token_position.vectors_before(context.n_ctx);
    let mut pieces: Vec<Html> = moved
        .iter()
        .enumerate()
        .map(|(at, moved)| piece(context, at, step, *moved, most))
        .collect();
    pieces.insert(
        before.min(pieces.len()),
        html! {
            <li class="moved" key="class">
                <span class="piece is-class" data-method="coop">{ class_name.to_string() }</span>
                { span("help", "stays") }
            </li>
        },
    );
    let what = match context.class_specific {
        true => "How far each context vector moved (the mean of the classes)",
        false => "How far each context vector moved",
    };
    html! {
        <div class="tune-moved">
            <p class="slider-label" id="tune-moved-title">{ what }</p>
            <ul
                class="pieces" aria-labelledby="tune-moved-title" data-testid="tune-moved"
                data-moved={moved.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")}
            >
                { for pieces }
            </ul>
            { help("Euclidean distance from the start, in the space of token embeddings.") }
        </div>
    }
}

fn piece(context: &TunedContext, at: usize, step: usize, moved: f32, most: f32) -> Html {
    let word = context.words.get(at);
    let look = match (step, word) {
        (0, Some(_)) => "is-word",
        _ => "is-vector",
    };
    let name = match word {
        Some(word) => html! { word.clone() },
        None => html! { <>{ "v" }<sub>{ at + 1 }</sub></> },
    };
    let share = if most > 0.0 { moved / most } else { 0.0 };
    html! {
        <li class="moved" key={at}>
            <span class={looks("piece", look)}>{ name }</span>
            <svg class="moved-bar" data-method="coop" aria-hidden="true" focusable="false">
                <rect class="bar-track" width="100%" height="100%" rx="3" />
                <rect class="bar-fill" width={format!("{:.1}%", share * 100.0)} height="100%" rx="3" />
            </svg>
            { span("help", format!("{moved:.3}")) }
        </li>
    }
}

/// The distance of each of `n_ctx` vectors: of a class-specific context the mean.
fn of_each(moved: &[f32], n_ctx: usize) -> Vec<f32> {
    let classes = (moved.len() / n_ctx.max(1)).max(1);
    let of_one = |at: usize| {
        let own = moved.iter().skip(at).step_by(n_ctx.max(1));
        own.sum::<f32>() / classes as f32
    };
    (0..n_ctx).map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::of_each;

    #[test]
    fn the_distances_of_class_specific_vectors_are_averaged() {
        assert_eq!(of_each(&[1.0, 2.0], 2), [1.0, 2.0]);
        assert_eq!(of_each(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0]);
        assert!(of_each(&[], 0).is_empty());
    }
}
