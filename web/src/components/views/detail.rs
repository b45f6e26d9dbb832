//! The view that is looked at, closely: what it shows, and what it says class by class.

use yew::prelude::*;

use super::{described, picture};
use crate::components::bar::ranked_row;
use crate::components::text::{looks, span};
use crate::state::ShownViews;

/// Classes shown.
const MOST_ROWS: usize = 5;

/// View `at`; its place while there is none.
pub fn view_detail(shown: Option<ShownViews<'_>>, at: usize, trusted: &[usize]) -> Html {
    let view = shown.and_then(|shown| Some((shown, shown.answer.views.get(at)?)));
    let Some((shown, view)) = view else {
        return html! { <div class="view-detail is-blank" aria-hidden="true" /> };
    };
    let (title, done) = described(view, shown.grid());
    let (title, done) = (AttrValue::from(title), AttrValue::from(done));
    let rows = shown.ranked(&view.probabilities).into_iter();
    let rows = rows.take(MOST_ROWS).enumerate();
    let rows = rows.map(|(rank, (class, probability))| {
        ranked_row(class, probability, rank == 0, "detail-row")
    });
    let is_trusted = trusted.contains(&at);
    let look = is_trusted.then_some("is-trusted");
    html! {
        <section class={looks("view-detail", look)} data-testid="view-detail" data-view={at.to_string()} aria-label="The view looked at">
            <div class="view-detail-head">
                <span class="view-picture">{ picture(shown.pixels, at, shown.answer.side, title.clone()) }</span>
                <div>
                    <h3>
                        { title }
                        if is_trusted { { span("trusted-tag", "trusted") } }
                    </h3>
                    <p class="view-done" title={done.clone()}>{ done }</p>
                    <p class="view-entropy">{ format!("H {:.2} nats", view.entropy) }</p>
                </div>
            </div>
            <ol class="ranking">{ for rows }</ol>
        </section>
    }
}
