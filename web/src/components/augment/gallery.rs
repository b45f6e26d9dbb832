//! The views with what each says, in the order they were drawn or the most confident
//! first.

use yew::prelude::*;

use crate::components::views::{CellRole, Pointing, blank_cell, columns_of, moved, view_cell};
use crate::state::{ShownViews, State};

/// Selects the gallery.
const HOLDER: &str = ".gallery";

pub fn gallery(
    state: &State,
    shown: Option<ShownViews<'_>>,
    pointing: &Pointing,
    trusted: &[usize],
) -> Html {
    let settings = &state.augment.settings;
    let Some(shown) = shown else {
        let blank = (0..=settings.count).map(|at| blank_cell(at, None));
        return html! { <div class="gallery is-blank" aria-hidden="true">{ for blank }</div> };
    };
    let order: Vec<usize> = match settings.is_sorted {
        true => shown.by_entropy(),
        false => (0..shown.answer.views.len()).collect(),
    };
    let cells = order
        .iter()
        .filter_map(|at| view_cell(CellRole::Choice, shown, *at, pointing, trusted.contains(at)));
    let cells = cells.collect::<Html>();
    let focused = pointing.focused;
    let onkeydown = Callback::from(move |event: KeyboardEvent| {
        let at = order.iter().position(|view| *view == focused).unwrap_or(0);
        let columns = columns_of(&event, HOLDER);
        let to = moved(&event.key(), at, order.len(), columns, false);
        if let Some(view) = to.and_then(|to| order.get(to)) {
            Pointing::focus(&event, HOLDER, *view);
        }
    });
    html! {
        <div
            class="gallery" role="listbox" aria-label="Views and what each says" {onkeydown}
            data-testid="gallery" onmouseover={pointing.on_over.clone()} onmouseout={pointing.on_out.clone()}
            onfocusin={pointing.on_focus.clone()} onclick={pointing.on_click.clone()}
        >
            { cells }
        </div>
    }
}
