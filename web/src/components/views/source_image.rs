//! The image, and an SVG over it whose units are the image's pixels. Both are fitted
//! into the same square in the same way, so that a place in one is the place in the
//! other.

use clipwright_shared::views::CropBox;
use yew::prelude::*;

use crate::state::Image;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub image: Option<Image>,
    /// Width and height of the image in pixels; none while what is drawn belongs to
    /// another.
    pub size: Option<(u32, u32)>,
    /// What is drawn over it, in words; none for what the rest of the room says too.
    #[prop_or_default]
    pub label: Option<AttrValue>,
    pub children: Html,
}

#[component]
pub fn SourceImage(props: &Props) -> Html {
    let picture = props.image.as_ref().map(|image| {
        html! { <img class="source-picture" src={image.url.clone()} alt={image.title.clone()} /> }
    });
    let drawn = props.size.map(|(width, height)| {
        let label = props.label.clone();
        let (role, is_hidden) = match label {
            Some(_) => (Some("group"), None),
            None => (None, Some("true")),
        };
        html! {
            <svg
                class="source-overlay" data-testid="overlay" {role} aria-label={label} aria-hidden={is_hidden}
                viewBox={format!("0 0 {width} {height}")}
                preserveAspectRatio="xMidYMid meet" focusable="false"
            >
                { props.children.clone() }
            </svg>
        }
    });
    html! { <div class="source">{ picture }{ drawn }</div> }
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
