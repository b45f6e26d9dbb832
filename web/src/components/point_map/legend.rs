//! What the marks and numbers of a map stand for.

use clipwright_shared::learners::Method;
use yew::prelude::*;

use super::super::{method_key, method_title};
use super::{MapPoint, PointKind, shape};

/// Class names that are always shown; more are folded.
const MOST_CLASSES: usize = 12;

pub fn legend(points: &[MapPoint], classes: &[String]) -> Html {
    let points = points.iter();
    let has_images = points.clone().any(|point| point.kind == PointKind::Image);
    let mut methods: Vec<Method> = Vec::new();
    for point in points {
        if let PointKind::Prompt { method } = point.kind
            && !methods.contains(&method)
        {
            methods.push(method);
        }
    }
    let images = has_images.then(|| {
        html! {
            <li class="map-key">
                <svg class="map-key-mark" aria-hidden="true" focusable="false" viewBox="-12 -12 24 24">
                    <circle class="map-image" r="8.5" />
                </svg>
                { "images" }
            </li>
        }
    });
    let methods = methods.into_iter().map(|method| {
        html! {
            <li class="map-key" data-method={method_key(method)}>
                <svg class="map-key-mark" aria-hidden="true" focusable="false" viewBox="-12 -12 24 24">
                    <path class="map-prompt" d={shape(method)} />
                </svg>
                { format!("{} prompts", method_title(method)) }
            </li>
        }
    });
    html! {
        <>
            <ul class="map-keys" aria-label="What the marks stand for">{ images }{ for methods }</ul>
            { numbers(classes) }
        </>
    }
}

fn numbers(classes: &[String]) -> Html {
    let names = classes.iter().enumerate().map(|(at, name)| {
        html! { <li><b>{ at + 1 }</b>{ " " }{ name }</li> }
    });
    let list = html! { <ol class="map-numbers" aria-label="Classes by number">{ for names }</ol> };
    match classes.len() > MOST_CLASSES {
        false => list,
        true => html! {
            <details class="map-fold"><summary>{ "Classes by number" }</summary>{ list }</details>
        },
    }
}
