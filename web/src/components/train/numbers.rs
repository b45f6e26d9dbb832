//! The same numbers as the curves', epoch by epoch, for those who read them.

use clipwright_shared::protocol::TrainNews;
use yew::prelude::*;

use crate::components::text::column_heads;
use crate::format::percent;

pub fn numbers(news: &[TrainNews]) -> Html {
    // The newest first: that is the one looked for.
    let rows = news.iter().rev().map(|news| {
        let seen = news.seen;
        let share = |share: Option<f64>| share.map_or("–".into(), |share| percent(share as f32));
        html! {
            <tr key={news.epoch} data-testid="train-epoch" data-epoch={news.epoch.to_string()}>
                <th scope="row">{ news.epoch }</th>
                <td data-value={seen.map(|seen| seen.loss.to_string())}>
                    { seen.map_or("–".into(), |seen| format!("{:.3}", seen.loss)) }
                </td>
                <td data-value={seen.map(|seen| seen.accuracy.to_string())}>{ share(seen.map(|seen| seen.accuracy)) }</td>
                <td data-value={news.test.base.map(|base| base.to_string())}>{ share(news.test.base) }</td>
                <td data-value={seen.map(|seen| seen.lr.to_string())}>{ seen.map_or("–".into(), |seen| format!("{:.1e}", seen.lr)) }</td>
            </tr>
        }
    });
    html! {
        <details class="train-numbers">
            <summary data-testid="train-numbers">{ "Numbers, epoch by epoch" }</summary>
            <div class="train-table" tabindex="0" role="region" aria-label="Numbers, epoch by epoch">
                <table>
                    <thead>
                        <tr>{ column_heads(&["epoch", "loss", "learned", "tested", "rate"]) }</tr>
                    </thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
        </details>
    }
}
