//! A view and what it says, small.

use yew::prelude::*;

use crate::components::raster::Raster;
use crate::format::percent;
use crate::state::SourceId;

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

#[derive(Properties, PartialEq)]
pub struct Props {
    pub role: CellRole,
    pub at: usize,
    pub pixels: Option<SourceId>,
    /// Of a view, in pixels.
    pub side: u32,
    pub title: AttrValue,
    /// Its most probable class.
    pub class: AttrValue,
    pub confidence: f32,
    pub entropy: f32,
    /// Left, top, width and height in the image.
    pub source: AttrValue,
    pub is_trusted: bool,
    /// Whether it is looked at.
    pub is_pointed: bool,
    /// Whether the keyboard is at it.
    pub is_focused: bool,
}

#[component]
pub fn ViewCell(props: &Props) -> Html {
    let Props {
        role,
        at,
        title,
        class,
        confidence,
        entropy,
        ..
    } = props;
    let trusted = if props.is_trusted { ", trusted" } else { "" };
    let label = format!(
        "{title}: {class}, {}, entropy {entropy:.2}{trusted}",
        percent(*confidence)
    );
    let picture = match props.pixels {
        Some(pixels) => html! { <Raster {pixels} index={*at} side={props.side} /> },
        None => html! { <span class="raster view-blank" /> },
    };
    let look = classes!(
        "view-cell",
        props.is_trusted.then_some("is-trusted"),
        props.is_pointed.then_some("is-pointed"),
    );
    html! {
        <div
            class={look} role={role.name()} tabindex={if props.is_focused { "0" } else { "-1" }}
            aria-label={label} aria-selected={props.is_focused.to_string()} title={title.clone()}
            data-testid="view" data-view={at.to_string()} data-class={class.clone()}
            data-confidence={confidence.to_string()} data-entropy={entropy.to_string()}
            data-trusted={props.is_trusted.to_string()} data-box={props.source.clone()}
            data-pointed={props.is_pointed.to_string()}
        >
            <span class="view-picture">{ picture }</span>
            <span class="view-class">{ class }</span>
            <span class="view-numbers">
                <span>{ percent(*confidence) }</span>
                <span>{ format!("H {entropy:.2}") }</span>
            </span>
        </div>
    }
}
