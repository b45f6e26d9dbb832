//! Context vectors: the words nearest to each, how long they are, and what the image
//! that is shown makes of them.

use clipwright_shared::explain::{ContextVector, Explanation, MetaNetNorms, NearWord};
use clipwright_shared::learners::Method;
use clipwright_shared::protocol::{ContextShift, LearnedInfo, ShiftedVector};
use yew::prelude::*;

use crate::components::bar::bar;
use crate::components::prompt_line::prompt_line;
use crate::components::text::{help, span};
use crate::components::{method_key, method_title};
use crate::prompt::learned_pieces;
use crate::state::{ShownLearned, State};

pub fn vectors(state: &State, shown: ShownLearned<'_>, info: &LearnedInfo) -> Html {
    let Some(Explanation::Context {
        vectors,
        mean_token_norm,
        meta_net,
        ..
    }) = &shown.answer.explanation
    else {
        return Html::default();
    };
    let shift = shown.answer.shift.as_ref();
    let class = vectors.first().and_then(|vector| vector.class.as_deref());
    let longest = vectors
        .iter()
        .map(|vector| vector.norm)
        .chain(
            shift
                .iter()
                .flat_map(|shift| shift.vectors.iter().map(|vector| vector.norm)),
        )
        .chain(*mean_token_norm)
        .fold(f64::MIN_POSITIVE, f64::max);
    let rows = vectors.iter().map(|vector| {
        let moved = shift.and_then(|shift| {
            let mut vectors = shift.vectors.iter();
            vectors.find(|moved| moved.vector == vector.vector)
        });
        row(vector, moved, longest)
    });
    let of = class.map(|class| format!(" of {class}"));
    html! {
        <section class="card insight" data-method={method_key(info.method)} data-testid="insight-vectors">
            <h3 class="insight-title">
                <span class="dot" />{ format!("{}: the words nearest to its vectors", method_title(info.method)) }{ of }
            </h3>
            { prompt_line(&learned_pieces(info), class.unwrap_or("class"), false) }
            <p class="help" id="nearest-help">
                { "Each vector took a word's place and may lie anywhere between words. The numbers \
                   are distances to the nearest words' embeddings: where all are about as far, no \
                   word says what the vector means." }
            </p>
            <ol class="vectors" aria-describedby="nearest-help">{ for rows }</ol>
            { token_norm(*mean_token_norm, longest) }
            { shift.map(|shift| said_of_shift(shift, state)) }
            { no_shift(info, shift) }
            { meta_net.as_ref().map(net) }
        </section>
    }
}

fn row(vector: &ContextVector, moved: Option<&ShiftedVector>, longest: f64) -> Html {
    let number = vector.vector;
    let moved = moved.map(|moved| {
        html! {
            <div class="vector-line is-moved" data-testid="shifted-row" data-vector={number.to_string()} data-norm={moved.norm.to_string()}>
                <span class="piece is-vector">{ "v" }<sub>{ number }</sub>{ "\u{202f}+\u{202f}π" }</span>
                { words(&moved.nearest) }
                { norm(moved.norm, longest) }
            </div>
        }
    });
    html! {
        <li>
            <div class="vector-line" data-testid="vector-row" data-vector={number.to_string()} data-norm={vector.norm.to_string()}>
                <span class="piece is-vector">{ "v" }<sub>{ number }</sub></span>
                { words(&vector.nearest) }
                { norm(vector.norm, longest) }
            </div>
            { moved }
        </li>
    }
}

fn words(nearest: &[NearWord]) -> Html {
    let words = nearest.iter().map(|near| {
        let (word, is_whole) = readable(&near.word);
        let title = (!is_whole).then_some("the beginning of a word");
        html! {
            <li class="near-word" data-testid="near-word" data-word={near.word.clone()} data-distance={near.distance.to_string()} {title}>
                <span class="piece is-word">{ word }{ (!is_whole).then_some("…") }</span>
                { span("near-distance", format!("{:.2}", near.distance)) }
            </li>
        }
    });
    html! { <ul class="near-words" aria-label="Nearest words, with distances">{ for words }</ul> }
}

/// A piece of the vocabulary as people read it, and whether it ends a word.
fn readable(piece: &str) -> (&str, bool) {
    match piece.strip_suffix("</w>") {
        Some(word) => (word, true),
        None => (piece, false),
    }
}

fn norm(norm: f64, longest: f64) -> Html {
    html! {
        <span class="vector-norm">
            { bar((norm / longest) as f32) }
            <span>{ format!("norm {norm:.3}") }</span>
        </span>
    }
}

/// How long a word's own embedding is, on the same measure as the vectors.
fn token_norm(mean: Option<f64>, longest: f64) -> Option<Html> {
    let mean = mean?;
    Some(html! {
        <div class="vector-line is-mean" data-method="zero_shot" data-testid="mean-token-norm" data-norm={mean.to_string()}>
            { span("help", "A word's embedding, on average") }
            { norm(mean, longest) }
        </div>
    })
}

fn said_of_shift(shift: &ContextShift, state: &State) -> Html {
    let title = state.image.as_ref().map(|image| image.title.clone());
    html! {
        <p class="insight-note" data-testid="shift" data-norm={shift.norm.to_string()}>
            { "For the image " }<b>{ title.unwrap_or_default() }</b>
            { " the net adds the same π to every vector, of norm " }
            <b>{ format!("{:.3}", shift.norm) }</b>{ "." }
        </p>
    }
}

fn no_shift(info: &LearnedInfo, shift: Option<&ContextShift>) -> Option<Html> {
    let is_missing = info.method == Method::CoCoOp && shift.is_none();
    is_missing.then(|| help("Choose an image to see how far it moves these vectors."))
}

fn net(norms: &MetaNetNorms) -> Html {
    let rows = [
        ("first layer, weights", norms.linear1_weight),
        ("first layer, biases", norms.linear1_bias),
        ("second layer, weights", norms.linear2_weight),
        ("second layer, biases", norms.linear2_bias),
        ("π of an empty image", norms.shift_of_zero),
    ];
    let rows = rows.map(|(what, norm)| {
        html! { <div><dt>{ what }</dt><dd>{ format!("{norm:.3}") }</dd></div> }
    });
    html! {
        <div data-testid="meta-net">
            <h4 class="insight-sub">{ "The net that makes π, in norms" }</h4>
            <dl class="norms">{ for rows }</dl>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn pieces_are_told_as_words() {
        assert_eq!(readable("photo</w>"), ("photo", true));
        assert_eq!(readable("pho"), ("pho", false));
        assert_eq!(readable("</w>"), ("", true));
    }
}
