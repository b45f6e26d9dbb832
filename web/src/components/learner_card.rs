//! One learner's answer: its prompt, completed by the class it found, and how
//! probable each class is.

use clipwright_shared::protocol::Ranking;
use yew::prelude::*;

use super::bar::ranked_row;
use super::folded::Folded;
use super::problem_box::problem_box;
use super::prompt_line::prompt_line;
use super::text::looks;
use super::{method_key, method_title};
use crate::prompt::Piece;
use crate::state::Problem;

/// Rows shown at first.
const FIRST_ROWS: usize = 8;

/// `pieces` are the prompt that the learner asks with, `detail` what tells it from
/// others of its method.
pub fn learner_card(ranking: &Ranking, pieces: &[Piece], detail: String) -> Html {
    let heading = format!("learner-{}", ranking.name.replace(char::is_whitespace, "-"));
    let (heading, detail) = (AttrValue::from(heading), AttrValue::from(detail));
    let content = match (&ranking.problem, ranking.classes.first()) {
        (Some(problem), _) => {
            let hint = "use class names it was learned on, or remove it";
            problem_box(&Problem::new(problem.clone(), hint))
        }
        (None, Some(top)) => html! {
            <>
                { prompt_line(pieces, &top.class, true) }
                <Folded of={ranking.classes.len()} first={FIRST_ROWS} list={list(ranking)} />
            </>
        },
        (None, None) => Html::default(),
    };
    html! {
        <article
            key={ranking.name.clone()} class="learner" data-testid="learner-card" data-learner={ranking.name.clone()}
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

fn list(ranking: &Ranking) -> Callback<bool, Html> {
    let rows = ranking.classes.iter().enumerate();
    let rows = rows
        .map(|(rank, found)| ranked_row(&found.class, found.probability, rank == 0, "result-row"));
    let rows = rows.collect::<Html>();
    Callback::from(move |is_all: bool| {
        html! { <ol class={looks("ranking", is_all.then_some("is-all"))}>{ rows.clone() }</ol> }
    })
}
