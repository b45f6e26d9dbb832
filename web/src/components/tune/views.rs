//! The views that were tuned on, those that counted in amber.

use clipwright_shared::protocol::TunedView;
use clipwright_shared::tuning::SeenView;
use yew::prelude::*;

use crate::components::raster::Raster;
use crate::components::views::entropy_help;
use crate::format::{count, percent};
use crate::state::SourceId;

/// Views shown at first.
const FIRST_VIEWS: usize = 24;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// Of a view, in pixels.
    pub side: u32,
    pub views: Vec<TunedView>,
    /// None before the tuning has ended.
    pub pixels: Option<SourceId>,
    /// What each said at the start.
    pub first: Vec<SeenView>,
    /// What each says at the step looked at.
    pub now: Vec<SeenView>,
    pub class_names: Vec<String>,
}

#[component]
pub fn TunedViews(props: &Props) -> Html {
    let all = use_state(|| false);
    // Those that counted first come first; nothing moves from step to step.
    let mut order: Vec<usize> = (0..props.views.len()).collect();
    let counted = |view: &SeenView| view.is_selected;
    order.sort_by_key(|at| !props.first.get(*at).is_some_and(counted));
    let views = order.len();
    if !*all {
        order.truncate(FIRST_VIEWS);
    }
    let figures = order.iter().map(|at| figure(props, *at));
    let counting = props.now.iter().filter(|view| view.is_selected).count();
    let more = (views > FIRST_VIEWS).then(|| {
        let onclick = {
            let all = all.clone();
            Callback::from(move |_: MouseEvent| all.set(!*all))
        };
        let label = match *all {
            true => format!("Show the first {FIRST_VIEWS}"),
            false => format!("Show all {views} views"),
        };
        html! {
            <button
                class="quiet" type="button" data-testid="tune-all-views" {onclick} aria-expanded={all.to_string()}
            >
                { label }
            </button>
        }
    });
    html! {
        <section class="tune-views" aria-labelledby="tune-views-title">
            <h3 class="slider-label" id="tune-views-title">
                <span><span class="swatch" />{ "The views, and those that count" }</span>
                <output data-testid="tune-counted" data-counted={counting.to_string()}>
                    { format!("{counting} of {}", count(views, "view", "views")) }
                </output>
            </h3>
            <ul class="tune-figures">{ for figures }</ul>
            { more }
            <p class="help">{ entropy_help(props.class_names.len()) }</p>
        </section>
    }
}

fn figure(props: &Props, at: usize) -> Html {
    let (Some(view), Some(seen)) = (props.views.get(at), props.now.get(at)) else {
        return Html::default();
    };
    let what = described(view);
    let picture = match props.pixels {
        Some(pixels) => {
            html! { <Raster {pixels} index={at} side={props.side} label={what.clone()} /> }
        }
        None => html! { <span class="raster tune-blank" /> },
    };
    let class = props
        .class_names
        .get(seen.class)
        .cloned()
        .unwrap_or_default();
    let look = seen.is_selected.then_some("is-counted");
    html! {
        <li
            key={at} class={classes!("tune-figure", look)} title={what} data-testid="tune-view"
            data-view={at.to_string()} data-counted={seen.is_selected.to_string()}
        >
            { picture }
            <strong title={class.clone()}>{ class }</strong>
            <span class="tune-said">
                <span>{ percent(seen.confidence) }</span>
                <span>{ format!("H {:.2}", seen.entropy) }</span>
                if seen.is_selected { <span class="visually-hidden">{ "counts" }</span> }
            </span>
        </li>
    }
}

/// What a view shows, in words.
fn described(view: &TunedView) -> String {
    let mut text = view.kind.label();
    if view.is_flipped {
        text += ", flipped";
    }
    if view.is_mixed {
        text += ", mixed";
    }
    text
}
