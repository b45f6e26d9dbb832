//! The image, and an SVG over it whose units are the image's pixels. Both are fitted
//! into the same square in the same way, so that a place in one is the place in the
//! other.

use clipwright_shared::views::CropBox;
use yew::prelude::*;

use crate::state::{ShownViews, State};

/// The image with what is drawn over it; nothing is drawn while `shown` is of another
/// image. `label` says it in words, where the rest of the room does not say it too.
pub fn source_image(
    state: &State,
    shown: Option<ShownViews<'_>>,
    label: Option<&'static str>,
    drawn: impl FnOnce(ShownViews<'_>) -> Html,
) -> Html {
    let image = state.image.as_ref();
    let picture = image.map(|image| {
        html! { <img class="source-picture" src={image.url.clone()} alt={image.title.clone()} /> }
    });
    let source = image.map(|image| image.source);
    let shown = shown.filter(|shown| source == shown.image);
    let over = shown.map(|shown| overlay(shown, label, drawn(shown)));
    html! { <div class="source">{ picture }{ over }</div> }
}

fn overlay(shown: ShownViews<'_>, label: Option<&'static str>, drawn: Html) -> Html {
    let (role, is_hidden) = match label {
        Some(_) => (Some("group"), None),
        None => (None, Some("true")),
    };
    html! {
        <svg
            class="source-overlay" data-testid="overlay" {role} aria-label={label} aria-hidden={is_hidden}
            viewBox={format!("0 0 {} {}", shown.answer.width, shown.answer.height)}
            preserveAspectRatio="xMidYMid meet" focusable="false"
        >
            { drawn }
        </svg>
    }
}

/// A rectangle of pixels, drawn.
pub fn svg_box(class: &'static str, part: CropBox) -> Html {
    html! {
        <rect
            {class} x={part.left.to_string()} y={part.top.to_string()}
            width={part.width.to_string()} height={part.height.to_string()}
        />
    }
}
