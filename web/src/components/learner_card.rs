//! One learner's answer: its prompt, completed by the class it found, and how
//! probable each class is.

use clipwright_shared::protocol::{ClassProbability, Ranking};
use yew::prelude::*;

use super::bar::Bar;
use super::problem_box::ProblemBox;
use super::prompt_line::PromptLine;
use super::{method_key, method_title};
use crate::format::{count, percent};
use crate::prompt::Piece;
use crate::state::Problem;

/// Rows shown at first.
const FIRST_ROWS: usize = 8;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub ranking: Ranking,
    /// The prompt that the learner asks with.
    pub pieces: Vec<Piece>,
    /// What tells it from others of its method.
    pub detail: AttrValue,
}

#[component]
pub fn LearnerCard(props: &Props) -> Html {
    let all = use_state(|| false);
    let Props {
        ranking,
        pieces,
        detail,
    } = props;
    let heading = format!("learner-{}", ranking.name.replace(char::is_whitespace, "-"));
    let top = ranking.classes.first();
    let content = match (&ranking.problem, top) {
        (Some(problem), _) => {
            let problem = Problem {
                message: problem.clone(),
                hint: Some("use class names it was learned on, or remove it".into()),
            };
            html! { <ProblemBox {problem} /> }
        }
        (None, Some(top)) => html! {
            <>
                <PromptLine pieces={pieces.clone()} class_name={top.class.clone()} answered={true} />
                <ol class={classes!("ranking", all.then_some("is-all"))}>
                    { for ranking.classes.iter().enumerate().map(|(rank, class)| row(rank, class)) }
                </ol>
                { more(ranking.classes.len(), &all) }
            </>
        },
        (None, None) => Html::default(),
    };
    html! {
        <article
            class="learner" data-testid="learner-card" data-learner={ranking.name.clone()}
            data-method={method_key(ranking.method)} aria-labelledby={heading.clone()}
        >
            <header class="learner-head">
                <span class="dot" />
                <h3 id={heading}>{ method_title(ranking.method) }</h3>
                <span class="learner-detail" title={detail.clone()}>{ detail }</span>
            </header>
            { content }
        </article>
    }
}

fn row(rank: usize, class: &ClassProbability) -> Html {
    html! {
        <li
            key={class.class.clone()} class={classes!("row", (rank == 0).then_some("is-top"))}
            data-testid="result-row" data-class={class.class.clone()}
            data-probability={class.probability.to_string()}
        >
            <span class="row-name" title={class.class.clone()}>{ &class.class }</span>
            <Bar share={class.probability} />
            <span class="row-percent">{ percent(class.probability) }</span>
        </li>
    }
}

fn more(classes: usize, all: &UseStateHandle<bool>) -> Html {
    if classes <= FIRST_ROWS {
        return Html::default();
    }
    let onclick = {
        let all = all.clone();
        Callback::from(move |_: MouseEvent| all.set(!*all))
    };
    let label = match **all {
        true => format!("Show the first {FIRST_ROWS}"),
        false => format!("Show all {}", count(classes, "class", "classes")),
    };
    html! {
        <button class="quiet" type="button" {onclick} aria-expanded={all.to_string()}>{ label }</button>
    }
}
