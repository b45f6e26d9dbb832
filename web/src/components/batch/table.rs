//! The table itself. It scrolls in its place; its head says what it is sorted by.

use yew::prelude::*;

use super::row::BatchRow;
use crate::components::text::heard;
use crate::components::{act, method_key, method_title};
use crate::format::count;
use crate::state::{Action, BatchAction, BatchLearner, SortKey, State};

pub fn table(state: &UseReducerHandle<State>) -> Html {
    let learners = state.batch_learners();
    let dispatch = state.dispatcher();
    let question = state.batch_question();
    let shown = state.image.as_ref().map(|image| image.source);
    let view = state.batch_view();
    let rows = view.iter().map(|row| {
        let right: Vec<Option<bool>> = learners
            .iter()
            .map(|learner| state.is_right(row, &learner.name))
            .collect();
        html! {
            <BatchRow
                key={row.image.source.0} row={row.clone()} learners={learners.clone()} {right}
                is_current={question.is_some_and(|question| row.is_answered(question))}
                is_shown={shown == Some(row.image.source)} dispatch={dispatch.clone()}
            />
        }
    });
    let heads = learners.iter().map(|learner| learner_head(state, learner));
    let nothing = view.is_empty().then(|| {
        let columns = (learners.len() + 4).to_string();
        html! { <tr><td class="batch-nothing" colspan={columns}>{ "No image that somebody got wrong." }</td></tr> }
    });
    let label = format!("What is seen on {}", count(view.len(), "image", "images"));
    html! {
        <div class="batch-scroll" role="region" aria-label={label} tabindex="0" data-testid="batch-scroll">
            <table class="batch-table">
                <thead>
                    <tr>
                        { head(state, SortKey::Order, "#", "order", None) }
                        { head(state, SortKey::Name, "Image", "name", None) }
                        { head(state, SortKey::Label, "Label", "label", None) }
                        { for heads }
                        <th scope="col">{ heard("Remove") }</th>
                    </tr>
                </thead>
                <tbody>{ for rows }{ nothing }</tbody>
            </table>
        </div>
    }
}

fn learner_head(state: &UseReducerHandle<State>, learner: &BatchLearner) -> Html {
    let title = method_title(learner.method);
    let key = SortKey::Learner(learner.name.clone());
    head(state, key, title, &learner.name, Some(learner))
}

/// A column's head, which sorts by it.
fn head(
    state: &UseReducerHandle<State>,
    key: SortKey,
    title: &str,
    name: &str,
    learner: Option<&BatchLearner>,
) -> Html {
    let settings = &state.batch.settings;
    let sorted = (settings.sort == key).then_some(match settings.is_descending {
        true => "descending",
        false => "ascending",
    });
    let onclick = act(state, Action::Batch(BatchAction::SortedBy(key)));
    let method = learner.map(|learner| method_key(learner.method));
    let says = match learner {
        Some(_) => format!("{name}: sort by how probable its answer is"),
        None => format!("Sort by {name}"),
    };
    let dot = learner.map(|_| html! { <span class="dot" /> });
    html! {
        <th scope="col" aria-sort={sorted} data-method={method}>
            <button
                class="sort" type="button" data-testid="batch-sort" data-key={name.to_string()} title={says} {onclick}
            >
                { dot }{ title }
            </button>
        </th>
    }
}
