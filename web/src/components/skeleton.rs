//! The place of an answer that is on its way, in the answer's size.

use yew::prelude::*;

use super::bar::Bar;

/// Rows kept free, whatever the number of classes.
const ROWS: std::ops::RangeInclusive<usize> = 5..=8;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub rows: usize,
}

#[component]
pub fn Skeleton(props: &Props) -> Html {
    let rows = props.rows.clamp(*ROWS.start(), *ROWS.end());
    html! {
        <article class="learner is-skeleton" data-method="zero_shot" aria-hidden="true">
            <header class="learner-head"><span class="dot" /><h3>{ "Zero-shot" }</h3></header>
            <p class="prompt is-answered"><span class="piece is-word">{ "\u{a0}" }</span></p>
            <ol class="ranking">
                { for (0..rows).map(|_| html! {
                    <li class="row"><span class="row-name" /><Bar share={0.0} /><span class="row-percent" /></li>
                }) }
            </ol>
        </article>
    }
}
