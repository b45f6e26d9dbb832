//! Shown while files hover over the page.

use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub hovering: bool,
}

#[component]
pub fn DropOverlay(props: &Props) -> Html {
    html! {
        <div class={classes!("drop-overlay", props.hovering.then_some("is-on"))} aria-hidden="true">
            <p>
                <strong>{ "Drop it anywhere" }</strong>
                <span>{ "images, folders of them, learned files, or a model" }</span>
            </p>
        </div>
    }
}
