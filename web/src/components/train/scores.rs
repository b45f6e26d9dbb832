//! What is recognised of photos that were not learned from: words alone beside what was
//! learned.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::TestScores;
use yew::prelude::*;

use crate::components::text::heard;
use crate::components::{method_key, method_title};
use crate::format::percent;

/// Of the learner, which is of a method, and of zero-shot.
pub fn scores(method: Method, zero_shot: TestScores, learned: TestScores) -> Html {
    html! {
        <table class="train-scores" data-testid="train-scores">
            <caption>{ "Recognised of the photos kept for testing" }</caption>
            <thead>
                <tr>
                    <th scope="col">{ heard("Learner") }</th>
                    <th scope="col" title="Held-out photos, among the classes that are learned">{ "base" }</th>
                    <th scope="col" title="Photos of new names, among the new names">{ "new" }</th>
                    <th scope="col" title="Harmonic mean of both: high only if both are">{ "mean" }</th>
                </tr>
            </thead>
            <tbody>
                { row("zero-shot", Method::ZeroShot, zero_shot) }
                { row("learned", method, learned) }
            </tbody>
        </table>
    }
}

fn row(key: &str, method: Method, scores: TestScores) -> Html {
    let cells = [
        ("base", scores.base),
        ("new", scores.new),
        ("harmonic", scores.harmonic),
    ];
    let cells = cells.map(|(what, share)| {
        html! {
            <td data-testid={format!("train-{key}-{what}")} data-value={share.map(|share| share.to_string())}>
                { share.map_or("–".into(), |share| percent(share as f32)) }
            </td>
        }
    });
    html! {
        <tr data-method={method_key(method)}>
            <th scope="row"><span class="dot" />{ " " }{ method_title(method) }</th>
            { for cells }
        </tr>
    }
}
