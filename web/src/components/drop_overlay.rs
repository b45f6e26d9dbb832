//! Shown while files hover over the page.

use yew::prelude::*;

use super::text::looks;

pub fn drop_overlay(is_hovering: bool) -> Html {
    html! {
        <div class={looks("drop-overlay", is_hovering.then_some("is-on"))} aria-hidden="true">
            <p>
                <strong>{ "Drop it anywhere" }</strong>
                <span>{ "images, folders of them, learned files, or a model" }</span>
            </p>
        </div>
    }
}
