//! The views that were tuned on, those that counted in amber.

use clipwright_shared::protocol::TunedView;
use clipwright_shared::tuning::{SeenView, TuningPoint};
use yew::prelude::*;

use crate::components::folded::Folded;
use crate::components::raster::Raster;
use crate::components::text::{heard, help, looks};
use crate::components::views::entropy_help;
use crate::format::{count, percent};
use crate::state::ShownTuning;

/// Views shown at first.
const FIRST_VIEWS: usize = 24;

/// What each said at the start and says at the step looked at.
pub fn tuned_views(shown: ShownTuning<'_>, first: &TuningPoint, now: &TuningPoint) -> Html {
    // Those that counted first come first; nothing moves from step to step.
    let counted = |at: &usize| first.views.get(*at).is_some_and(|view| view.is_selected);
    let all = 0..shown.answer.views.len();
    let (counted, others): (Vec<usize>, Vec<usize>) = all.partition(counted);
    let order = counted.into_iter().chain(others);
    let figures = order.filter_map(|at| {
        let (view, seen) = (shown.answer.views.get(at)?, now.views.get(at)?);
        Some(figure(shown, at, view, seen))
    });
    let figures: Vec<Html> = figures.collect();
    let views = figures.len();
    let counting = now.views.iter().filter(|view| view.is_selected).count();
    let list = Callback::from(move |is_all: bool| {
        let drawn = if is_all { views } else { FIRST_VIEWS };
        html! { <ul class="tune-figures">{ for figures.iter().take(drawn).cloned() }</ul> }
    });
    html! {
        <section class="tune-views" aria-labelledby="tune-views-title">
            <h3 class="slider-label" id="tune-views-title">
                <span><span class="swatch" />{ "The views, and those that count" }</span>
                <output data-testid="tune-counted" data-counted={counting.to_string()}>
                    { format!("{counting} of {}", count(views, "view", "views")) }
                </output>
            </h3>
            <Folded of={views} first={FIRST_VIEWS} unit={["view", "views"]} testid="tune-all-views" {list} />
            { help(entropy_help(shown.request.prompts.class_names.len())) }
        </section>
    }
}

fn figure(shown: ShownTuning<'_>, at: usize, view: &TunedView, seen: &SeenView) -> Html {
    let what = AttrValue::from(described(view));
    let picture = match shown.pixels {
        Some(pixels) => {
            html! { <Raster {pixels} index={at} side={shown.answer.side} label={what.clone()} /> }
        }
        // Before the tuning has ended there are none.
        None => html! { <span class="raster tune-blank" /> },
    };
    let class = shown.request.prompts.class_names.get(seen.class);
    let class = AttrValue::from(class.cloned().unwrap_or_default());
    let look = seen.is_selected.then_some("is-counted");
    html! {
        <li
            key={at} class={looks("tune-figure", look)} title={what} data-testid="tune-view"
            data-view={at.to_string()} data-counted={seen.is_selected.to_string()}
        >
            { picture }
            <strong title={class.clone()}>{ class }</strong>
            <span class="tune-said">
                <span>{ percent(seen.confidence) }</span>
                <span>{ format!("H {:.2}", seen.entropy) }</span>
                if seen.is_selected { { heard("counts") } }
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
