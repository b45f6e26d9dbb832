//! The places of the patches on the image: how probable a class is in each, which of
//! them are trusted, and the one that is looked at.

use yew::prelude::*;

use crate::components::text::looks;
use crate::components::views::{Pointing, moved, svg_box};
use crate::format::percent;
use crate::state::{Heat, ShownViews, State};

pub fn places(
    state: &State,
    shown: ShownViews<'_>,
    pointing: &Pointing,
    trusted: &[usize],
) -> Html {
    let class = state.patches.heat_class(&shown);
    let name = shown.class_names().get(class).cloned().unwrap_or_default();
    let (grid, views) = (shown.grid(), shown.answer.views.len());
    let focused = pointing.focused.max(1);
    let onkeydown = Callback::from(move |event: KeyboardEvent| {
        let places = views.saturating_sub(1);
        if let Some(to) = moved(&event.key(), focused - 1, places, grid, false) {
            Pointing::focus(&event, ".source-overlay", to + 1);
        }
    });
    let cells = (1..views).filter_map(|at| {
        let cell = shown.cell(at)?;
        let probability = shown.probabilities(at).get(class).copied().unwrap_or_default();
        let is_stop = at == focused;
        let look = looks("place", (at == pointing.at).then_some("is-pointed"));
        Some(html! {
            <rect
                class={look} role="button" data-view={at.to_string()} data-testid="place"
                tabindex={if is_stop { "0" } else { "-1" }} aria-pressed={(at == pointing.at).to_string()}
                aria-label={format!("Place of patch {at}: {name}, {}", percent(probability))}
                x={cell.left.to_string()} y={cell.top.to_string()}
                width={cell.width.to_string()} height={cell.height.to_string()}
            />
        })
    });
    let marks = trusted
        .iter()
        .filter_map(|at| Some(svg_box("place-trusted", shown.cell(*at)?)));
    let looked_at = shown
        .answer
        .views
        .get(pointing.at)
        .filter(|_| pointing.at > 0);
    let looked_at = looked_at.map(|view| {
        html! {
            <>{ svg_box("place-edge", view.source) }{ svg_box("place-looked-at", view.source) }</>
        }
    });
    html! {
        <g
            {onkeydown} onmouseover={pointing.on_over.clone()} onmouseout={pointing.on_out.clone()}
            onfocusin={pointing.on_focus.clone()} onclick={pointing.on_click.clone()}
        >
            <g class="heat" data-testid="heat" data-class={name.clone()}>{ for shown.heat(class).into_iter().map(heat) }</g>
            { for cells }
            <g class="marks">{ for marks }{ looked_at }</g>
        </g>
    }
}

fn heat(heat: Heat) -> Html {
    let Heat { part, probability } = heat;
    html! {
        <rect
            fill-opacity={format!("{probability:.5}")} x={part.left.to_string()} y={part.top.to_string()}
            width={part.width.to_string()} height={part.height.to_string()}
        />
    }
}
