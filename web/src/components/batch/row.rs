//! One image of the table, rendered again only when it changes.

use clipwright_shared::protocol::Ranking;
use yew::prelude::*;

use crate::components::button::remove_button;
use crate::components::method_key;
use crate::components::text::{looks, span};
use crate::format::percent;
use crate::state::{Action, BatchAction, BatchLearner, Entry, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub row: Entry,
    pub learners: Vec<BatchLearner>,
    /// For each learner whether it is right, where that can be said.
    pub right: Vec<Option<bool>>,
    /// Whether the answers are to what is asked now.
    pub is_current: bool,
    /// Whether it is the image that is looked at.
    pub is_shown: bool,
    pub dispatch: UseReducerDispatcher<State>,
}

#[component]
pub fn BatchRow(props: &Props) -> Html {
    let Props { row, learners, .. } = props;
    let title = &row.image.title;
    let source = row.image.source;
    let act = |action: BatchAction| {
        let dispatch = props.dispatch.clone();
        Callback::from(move |_: MouseEvent| dispatch.dispatch(Action::Batch(action.clone())))
    };
    let show = act(BatchAction::Shown(source));
    let remove = act(BatchAction::Removed(source));
    let cells: Html = match row.problem().filter(|_| props.is_current) {
        Some(problem) => html! {
            <td class="batch-problem" colspan={learners.len().to_string()} data-testid="batch-problem">
                { &problem.message }
            </td>
        },
        None => learners
            .iter()
            .zip(&props.right)
            .map(|(learner, right)| cell(learner, row.ranking(&learner.name), *right))
            .collect(),
    };
    let stage = match (props.is_current, row.problem()) {
        (false, _) => "waiting",
        (true, None) => "answered",
        (true, Some(_)) => "failed",
    };
    let label = row.label.clone().unwrap_or_default();
    let look = [
        (!props.is_current).then_some("is-stale"),
        props.is_shown.then_some("is-shown"),
    ];
    html! {
        <tr
            class={classes!("batch-row", look[0], look[1])} data-testid="batch-row" data-image={title.clone()}
            data-label={label.clone()} data-stage={stage}
        >
            <td class="batch-thumb">
                <img src={row.image.url.clone()} alt="" width="40" height="40" loading="lazy" decoding="async" />
            </td>
            <th scope="row" class="batch-name">
                <button
                    class="show" type="button" data-testid="batch-show" onclick={show} title={title.clone()}
                    aria-current={props.is_shown.then_some("true")}
                >
                    { title }
                </button>
            </th>
            <td class="batch-label" title={label.clone()}>{ label }</td>
            { cells }
            <td class="batch-remove">
                { remove_button(format!("remove {title}"), remove) }
            </td>
        </tr>
    }
}

fn cell(learner: &BatchLearner, ranking: Option<&Ranking>, right: Option<bool>) -> Html {
    let top = ranking.and_then(|ranking| ranking.classes.first());
    let problem = ranking.and_then(|ranking| ranking.problem.clone());
    let (look, mark, said) = match right {
        Some(true) => ("is-right", "✓", "right: "),
        Some(false) => ("is-wrong", "✗", "wrong: "),
        None => ("", "", ""),
    };
    let content = match (top, problem) {
        (Some(top), _) => html! {
            <>
                <span class="mark" aria-hidden="true">{ mark }</span>
                <span class="visually-hidden">{ said }</span>
                <span class="batch-class" title={top.class.clone()}>{ &top.class }</span>
                { span("batch-percent", percent(top.probability)) }
            </>
        },
        (None, Some(problem)) => {
            html! { <span class="batch-class" title={problem.clone()}>{ problem }</span> }
        }
        (None, None) => span("batch-class", "…"),
    };
    html! {
        <td
            key={learner.name.clone()} class={looks("batch-cell", look)} data-method={method_key(learner.method)}
            data-testid="batch-cell" data-learner={learner.name.clone()} data-class={top.map(|top| top.class.clone())}
            data-probability={top.map(|top| top.probability.to_string())} data-right={right.map(|right| right.to_string())}
        >
            <span class="batch-answer">{ content }</span>
        </td>
    }
}
