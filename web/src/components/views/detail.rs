//! The view that is looked at, closely: what it shows, and what it says class by class.

use yew::prelude::*;

use crate::components::bar::Bar;
use crate::components::raster::Raster;
use crate::format::percent;
use crate::state::SourceId;

/// Classes shown.
const MOST_ROWS: usize = 5;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub at: usize,
    pub pixels: Option<SourceId>,
    /// Of a view, in pixels.
    pub side: u32,
    pub title: AttrValue,
    /// What was done to it.
    pub done: AttrValue,
    pub entropy: f32,
    pub is_trusted: bool,
    /// Classes with their probabilities, most probable first.
    pub ranked: Vec<(AttrValue, f32)>,
}

#[component]
pub fn ViewDetail(props: &Props) -> Html {
    let Props {
        at,
        title,
        done,
        entropy,
        ..
    } = props;
    let picture = match props.pixels {
        Some(pixels) => {
            html! { <Raster {pixels} index={*at} side={props.side} label={title.clone()} /> }
        }
        None => html! { <span class="raster view-blank" /> },
    };
    let rows = props.ranked.iter().take(MOST_ROWS).enumerate();
    let rows = rows.map(|(rank, (class, probability))| html! {
        <li
            key={class.to_string()} class={classes!("row", (rank == 0).then_some("is-top"))}
            data-testid="detail-row" data-class={class.clone()} data-probability={probability.to_string()}
        >
            <span class="row-name" title={class.clone()}>{ class }</span>
            <Bar share={*probability} />
            <span class="row-percent">{ percent(*probability) }</span>
        </li>
    });
    let look = props.is_trusted.then_some("is-trusted");
    html! {
        <section class={classes!("view-detail", look)} data-testid="view-detail" data-view={at.to_string()} aria-label="The view looked at">
            <div class="view-detail-head">
                <span class="view-picture">{ picture }</span>
                <div>
                    <h3>
                        { title }
                        if props.is_trusted { <span class="trusted-tag">{ "trusted" }</span> }
                    </h3>
                    <p class="view-done" title={done.clone()}>{ done }</p>
                    <p class="view-entropy">{ format!("H {entropy:.2} nats") }</p>
                </div>
            </div>
            <ol class="ranking">{ for rows }</ol>
        </section>
    }
}
