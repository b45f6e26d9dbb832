//! A linear probe: how long each class's row is, and which rows are alike.

use clipwright_shared::explain::ProbeClass;
use yew::prelude::*;

use crate::components::text::{help, number_cell, span};

pub fn probe(classes: &[ProbeClass]) -> Html {
    let rows = classes.iter().map(row);
    html! {
        <section class="card insight" data-method="linear_probe" data-testid="insight-probe">
            <h3 class="insight-title"><span class="dot" />{ "Linear probe: its classes" }</h3>
            { help("It asks no text: each class is a row of weights that image features are multiplied \
                   with. Rows that point the same way (a cosine near 1) are easily mistaken.") }
            <div class="table-frame" tabindex="0" role="region" aria-label="The probe's classes">
                <table class="plain-table">
                    <thead>
                        <tr>
                            <th scope="col">{ "Class" }</th>
                            <th scope="col" class="number">{ "Norm" }</th>
                            <th scope="col" class="number">{ "Bias" }</th>
                            <th scope="col">{ "Nearest classes, with cosines" }</th>
                        </tr>
                    </thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
        </section>
    }
}

fn row(class: &ProbeClass) -> Html {
    let nearest = class.nearest.iter().map(|near| {
        html! {
            <li class="near-word" data-testid="near-class" data-class={near.class.clone()} data-cosine={near.cosine.to_string()}>
                <span class="piece is-word">{ &near.class }</span>
                { span("near-distance", format!("{:.2}", near.cosine)) }
            </li>
        }
    });
    html! {
        <tr data-testid="probe-class" data-class={class.class.clone()} data-norm={class.norm.to_string()}>
            <th scope="row">{ &class.class }</th>
            { number_cell(format!("{:.3}", class.norm)) }
            { number_cell(format!("{:+.3}", class.bias)) }
            <td><ul class="near-words">{ for nearest }</ul></td>
        </tr>
    }
}
