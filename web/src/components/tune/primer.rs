//! What tuning will do, in the place of its result.

use yew::prelude::*;

pub fn primer() -> Html {
    let steps = [
        (
            "Look",
            "Crops or patches of the image are encoded, most of them mixed with changed copies of \
             themselves. Every one gets a prediction.",
        ),
        (
            "Trust",
            "The predictions with the lowest entropy are the surest. Only those views count; they \
             turn amber.",
        ),
        (
            "Move",
            "The loss says how far the trusted views are from agreeing. Its gradient moves each \
             context vector a little, and the image is classified again.",
        ),
    ];
    let steps = steps.map(|(title, text)| {
        html! {
            <li><strong>{ title }</strong><span>{ text }</span></li>
        }
    });
    html! { <ol class="tune-primer">{ for steps }</ol> }
}
