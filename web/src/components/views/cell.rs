//! A view and what it says, small.

use yew::prelude::*;

use super::{Pointing, described, picture};
use crate::components::text::{heard, span};
use crate::format::percent;
use crate::state::ShownViews;

/// What a view is among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRole {
    GridCell,
    Choice,
}

impl CellRole {
    fn name(self) -> &'static str {
        match self {
            Self::GridCell => "gridcell",
            Self::Choice => "option",
        }
    }
}

/// View `at` of those shown.
pub fn view_cell(
    role: CellRole,
    shown: ShownViews<'_>,
    at: usize,
    pointing: &Pointing,
    is_trusted: bool,
) -> Option<Html> {
    let view = shown.answer.views.get(at)?;
    let (class, confidence) = shown.top(at).unwrap_or_default();
    let title = described(view, 0).0;
    let (entropy, part) = (view.entropy, view.source);
    let trusted = is_trusted.then(|| heard(", trusted"));
    let (is_pointed, is_focused) = (pointing.at == at, pointing.focused == at);
    let look = classes!(
        "view-cell",
        is_trusted.then_some("is-trusted"),
        is_pointed.then_some("is-pointed"),
    );
    Some(html! {
        <div
            key={at} class={look} role={role.name()} tabindex={if is_focused { "0" } else { "-1" }}
            aria-selected={is_focused.to_string()} title={title.clone()}
            data-testid="view" data-view={at.to_string()} data-class={class.to_string()}
            data-confidence={confidence.to_string()} data-entropy={entropy.to_string()}
            data-trusted={is_trusted.to_string()} data-pointed={is_pointed.to_string()}
            data-box={format!("{} {} {} {}", part.left, part.top, part.width, part.height)}
        >
            { span("visually-hidden", format!("{title}: ")) }
            <span class="view-picture">{ picture(shown.pixels, at, shown.answer.side, "".into()) }</span>
            <span class="view-class">{ class }</span>
            <span class="view-numbers">
                <span>{ percent(confidence) }</span>
                <span>
                    <span aria-hidden="true">{ "H " }</span>
                    { heard("entropy ") }
                    { format!("{entropy:.2}") }
                </span>
            </span>
            { trusted }
        </div>
    })
}

/// The place of a view to come; one that is said has a `role`.
pub fn blank_cell(at: usize, role: Option<CellRole>) -> Html {
    html! {
        <div class="view-cell" role={role.map(CellRole::name)} key={at} aria-label={role.map(|_| "to come")}>
            <span class="view-picture"><span class="raster view-blank" /></span>
            { span("view-class", "\u{a0}") }
            { span("view-numbers", "\u{a0}") }
        </div>
    }
}
