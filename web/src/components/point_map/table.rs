//! A map as a table, for those who do not see it, or want the numbers.

use yew::prelude::*;

use super::super::method_title;
use super::{MapPoint, PointKind};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub points: Vec<MapPoint>,
    pub classes: Vec<String>,
    pub label: AttrValue,
}

#[component]
pub fn PointTable(props: &Props) -> Html {
    // A table that nobody opens costs nothing.
    let open = use_state_eq(|| false);
    let ontoggle = {
        let open = open.clone();
        Callback::from(move |event: Event| {
            let details: web_sys::Element = event.target_unchecked_into();
            open.set(details.has_attribute("open"));
        })
    };
    let rows = props.points.iter().map(|point| {
        let kind = match point.kind {
            PointKind::Image => "image".to_string(),
            PointKind::Prompt { method } => format!("{} prompt", method_title(method)),
        };
        let class = props.classes.get(point.class).map_or("", String::as_str);
        let [x, y] = point.at;
        html! {
            <tr>
                <th scope="row">{ kind }</th>
                <td>{ class }</td>
                <td>{ &point.name }</td>
                <td class="number">{ format!("{x:+.3}") }</td>
                <td class="number">{ format!("{y:+.3}") }</td>
            </tr>
        }
    });
    let table = open.then(|| {
        html! {
            <div class="table-frame" tabindex="0" role="region" aria-label={format!("{}, as a table", props.label)}>
                <table class="plain-table" data-testid="map-table">
                    <thead>
                        <tr>
                            <th scope="col">{ "What" }</th>
                            <th scope="col">{ "Class" }</th>
                            <th scope="col">{ "Name" }</th>
                            <th scope="col">{ "Right" }</th>
                            <th scope="col">{ "Up" }</th>
                        </tr>
                    </thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
        }
    });
    html! {
        <details class="map-fold" data-testid="map-as-table" {ontoggle}>
            <summary>{ "As a table" }</summary>
            { table }
        </details>
    }
}
