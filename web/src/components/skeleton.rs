//! The place of an answer that is on its way, in the answer's size.

use yew::prelude::*;

use super::bar::bar;
use super::text::span;

/// As many rows as a card shows at first; also while the classes are unknown.
const MOST_ROWS: usize = 8;

pub fn skeleton(rows: usize) -> Html {
    let rows = match rows {
        0 => MOST_ROWS,
        rows => rows.min(MOST_ROWS),
    };
    html! {
        <article class="learner is-skeleton" data-method="zero_shot" aria-hidden="true">
            <header class="learner-head"><span class="dot" /><h3>{ "Zero-shot" }</h3></header>
            <p class="prompt is-answered">{ span("piece", "\u{a0}") }</p>
            <ol class="ranking">
                { for (0..rows).map(|_| html! {
                    <li class="row"><span class="row-name" />{ bar(0.0) }<span class="row-percent" /></li>
                }) }
            </ol>
        </article>
    }
}
