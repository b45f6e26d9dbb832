//! What is recognised of photos that were not learned from: words alone beside what was
//! learned.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::TestScores;
use yew::prelude::*;

use crate::components::{method_key, method_title};
use crate::format::percent;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// The learner.
    pub method: Method,
    pub zero_shot: Option<TestScores>,
    pub learned: TestScores,
}

#[component]
pub fn Scores(props: &Props) -> Html {
    let row = |key: &'static str, method: &'static str, title: &AttrValue, scores: &TestScores| {
        let cell = |what: &str, share: Option<f64>| {
            html! {
                <td data-testid={format!("train-{key}-{what}")} data-value={share.map(|share| share.to_string())}>
                    { share.map_or("–".into(), |share| percent(share as f32)) }
                </td>
            }
        };
        html! {
            <tr data-method={method}>
                <th scope="row"><span class="dot" />{ " " }{ title }</th>
                { cell("base", scores.base) }
                { cell("new", scores.new) }
                { cell("harmonic", scores.harmonic) }
            </tr>
        }
    };
    let zero_shot = props.zero_shot.unwrap_or_default();
    html! {
        <table class="train-scores" data-testid="train-scores">
            <caption>{ "Recognised of the photos kept for testing" }</caption>
            <thead>
                <tr>
                    <th scope="col"><span class="visually-hidden">{ "Learner" }</span></th>
                    <th scope="col" title="Held-out photos, among the classes that are learned">{ "base" }</th>
                    <th scope="col" title="Photos of new names, among the new names">{ "new" }</th>
                    <th scope="col" title="Harmonic mean of both: high only if both are">{ "mean" }</th>
                </tr>
            </thead>
            <tbody>
                { row("zero-shot", "zero_shot", &"Zero-shot".into(), &zero_shot) }
                { row("learned", method_key(props.method), &method_title(props.method).into(), &props.learned) }
            </tbody>
        </table>
    }
}
