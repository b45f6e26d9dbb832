//! A probability as a bar. An SVG, because its width is an attribute: the page's
//! security policy forbids inline styles.

use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// Between 0 and 1.
    pub share: f32,
}

#[component]
pub fn Bar(props: &Props) -> Html {
    let width = format!("{:.3}%", (props.share * 100.0).clamp(0.0, 100.0));
    html! {
        <svg class="bar" aria-hidden="true" focusable="false">
            <rect class="bar-track" width="100%" height="100%" rx="5" />
            <rect class="bar-fill" {width} height="100%" rx="5" />
        </svg>
    }
}
