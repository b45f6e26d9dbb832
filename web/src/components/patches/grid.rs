//! The patches with what each says, laid out as they lie in the image, the whole image
//! above them.

use yew::prelude::*;

use crate::components::text::looks;
use crate::components::views::{CellRole, Pointing, blank_cell, moved, view_cell};
use crate::state::{ShownViews, State};

pub fn patch_grid(
    state: &State,
    shown: Option<ShownViews<'_>>,
    pointing: &Pointing,
    trusted: &[usize],
) -> Html {
    let columns = match shown {
        Some(shown) => shown.grid(),
        None => state.patches.settings.grid,
    };
    let views = columns * columns + 1;
    let focused = pointing.focused;
    let onkeydown = Callback::from(move |event: KeyboardEvent| {
        if let Some(to) = moved(&event.key(), focused, views, columns, true) {
            Pointing::focus(&event, ".patch-grid", to);
        }
    });
    let role = CellRole::GridCell;
    let cell = |at: usize| {
        let cell =
            shown.and_then(|shown| view_cell(role, shown, at, pointing, trusted.contains(&at)));
        cell.unwrap_or_else(|| blank_cell(at, Some(role)))
    };
    let rows = (0..columns).map(|row| {
        let cells = (0..columns).map(|column| cell(1 + row * columns + column));
        html! { <div class="patch-row" role="row" key={row}>{ for cells }</div> }
    });
    let is_blank = shown.is_none();
    html! {
        <div class="patch-scroll">
            <div
                class={looks("patch-grid", is_blank.then_some("is-blank"))} role="grid"
                data-columns={columns.to_string()} aria-label="Patches and what each says" {onkeydown}
                onmouseover={pointing.on_over.clone()} onmouseout={pointing.on_out.clone()}
                onfocusin={pointing.on_focus.clone()} onclick={pointing.on_click.clone()}
            >
                <div class="patch-row is-whole" role="row">{ cell(0) }</div>
                { for rows }
            </div>
        </div>
    }
}
