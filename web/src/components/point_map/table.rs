//! A map as a table, for those who do not see it, or want the numbers.

use yew::prelude::*;

use super::super::method_title;
use super::{MapPoint, PointKind};
use crate::components::text::{column_heads, number_cell};

pub fn point_table(points: &[MapPoint], classes: &[String], label: &str) -> Html {
    let rows = points.iter().map(|point| {
        let kind = match point.kind {
            PointKind::Image => "image".to_string(),
            PointKind::Prompt { method } => format!("{} prompt", method_title(method)),
        };
        let class = classes.get(point.class).map_or("", String::as_str);
        let [x, y] = point.at;
        html! {
            <tr>
                <th scope="row">{ kind }</th>
                <td>{ class }</td>
                <td>{ &point.name }</td>
                { number_cell(format!("{x:+.3}")) }
                { number_cell(format!("{y:+.3}")) }
            </tr>
        }
    });
    html! {
        <div class="table-frame" tabindex="0" role="region" aria-label={format!("{label}, as a table")}>
            <table class="plain-table" data-testid="map-table">
                <thead>
                    <tr>{ column_heads(&["What", "Class", "Name", "Right", "Up"]) }</tr>
                </thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}
