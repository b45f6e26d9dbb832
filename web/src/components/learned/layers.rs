//! Adapters: how much each layer changes, as a table of bars.

use clipwright_shared::clip::Projection;
use clipwright_shared::explain::LayerChange;
use clipwright_shared::protocol::LearnedInfo;
use yew::prelude::*;

use crate::components::bar::bar;
use crate::components::prompt_line::prompt_line;
use crate::components::text::help;
use crate::components::{method_key, method_title};
use crate::prompt::learned_pieces;

pub fn layers(layers: &[LayerChange], info: &LearnedInfo) -> Html {
    let sizes = layers.iter().map(size);
    let largest = sizes.fold(f64::MIN_POSITIVE, f64::max);
    let rank = layers.iter().map(|layer| layer.rank).max().unwrap_or(0);
    html! {
        <section class="card insight" data-method={method_key(info.method)} data-testid="insight-layers">
            <h3 class="insight-title">
                <span class="dot" />{ format!("{}: how much each layer changes", method_title(info.method)) }
            </h3>
            { prompt_line(&learned_pieces(info), "class", false) }
            { help(format!("The words stay; the encoders' attention changes. Each bar is the norm of what \
                           is added to a weight (of rank {rank}), as a share of that weight's own norm.")) }
            <div class="layer-tables">
                { table("Image encoder", layers, true, largest) }
                { table("Text encoder", layers, false, largest) }
            </div>
        </section>
    }
}

/// What a bar shows: a share of the weight, or the norm if the weight is unknown.
fn size(layer: &LayerChange) -> f64 {
    layer.share.unwrap_or(layer.norm)
}

fn table(title: &str, layers: &[LayerChange], is_image: bool, largest: f64) -> Html {
    let layers = layers.iter().filter(|layer| layer.is_image == is_image);
    let last = layers.clone().map(|layer| layer.block).max();
    let blocks = (0..=last.unwrap_or_default())
        .filter(|block| layers.clone().any(|layer| layer.block == *block));
    let blocks: Vec<usize> = blocks.collect();
    if blocks.is_empty() {
        return help(format!("{title}: unchanged."));
    }
    let used =
        |projection: &Projection| layers.clone().any(|layer| layer.projection == *projection);
    let projections: Vec<Projection> = Projection::ALL.into_iter().filter(used).collect();
    let rows = blocks.iter().map(|block| {
        let cells = projections.iter().map(|projection| {
            let mut found = layers.clone();
            let layer =
                found.find(|layer| layer.block == *block && layer.projection == *projection);
            cell(layer, largest)
        });
        html! { <tr><th scope="row">{ block + 1 }</th>{ for cells }</tr> }
    });
    let heads = projections.iter().map(|projection| {
        let name = match projection {
            Projection::Query => "query",
            Projection::Key => "key",
            Projection::Value => "value",
            Projection::Output => "output",
        };
        html! { <th scope="col">{ name }</th> }
    });
    html! {
        <table class="plain-table layer-table">
            <caption>{ title }</caption>
            <thead><tr><th scope="col">{ "block" }</th>{ for heads }</tr></thead>
            <tbody>{ for rows }</tbody>
        </table>
    }
}

fn cell(layer: Option<&LayerChange>, largest: f64) -> Html {
    let Some(layer) = layer else {
        return html! { <td>{ "–" }</td> };
    };
    let shown = match layer.share {
        // Few epochs change little: two figures, however small.
        Some(share) if share < 1e-3 => format!("{:.3}\u{202f}%", share * 100.0),
        Some(share) => format!("{:.1}\u{202f}%", share * 100.0),
        None => format!("{:.3}", layer.norm),
    };
    html! {
        <td
            data-testid="layer-change" data-image={layer.is_image.to_string()} data-block={layer.block.to_string()}
            data-projection={layer.projection.letter().to_string()} data-norm={layer.norm.to_string()}
        >
            <span class="layer-bar">{ bar((size(layer) / largest) as f32) }<span>{ shown }</span></span>
        </td>
    }
}
