//! How alike the classes' prompts are: zero-shot's beside those of what is looked at.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::LearnerPrompts;
use clipwright_shared::session::ZERO_SHOT;
use yew::prelude::*;

use super::heat::{HeatTable, mean_of_others};
use crate::components::act;
use crate::components::problem_box::{problem_box, problem_with};
use crate::state::{Action, Problem, ShownLearned, State};

pub fn similarities(state: &UseReducerHandle<State>, shown: ShownLearned<'_>) -> Html {
    let classes = &shown.request.prompts.class_names;
    let looked_at = shown.request.learned.as_deref();
    let compared: Vec<&LearnerPrompts> = shown
        .answer
        .learners
        .iter()
        .filter(|learner| learner.name == ZERO_SHOT || Some(learner.name.as_str()) == looked_at)
        .collect();
    let values = compared
        .iter()
        .flat_map(|learner| learner.similarity.iter().flatten());
    let lowest = values.copied().fold(1.0_f32, f32::min);
    let tables = compared.iter().map(|learner| {
        if let Some(problem) = &learner.problem {
            return refusal(state, learner, problem);
        }
        let detail = match learner.method {
            Method::ZeroShot => "words alone".to_string(),
            _ => learner.name.clone(),
        };
        html! {
            <HeatTable
                key={learner.name.clone()} matrix={learner.similarity.clone()} classes={classes.clone()}
                method={learner.method} {detail} {lowest}
            />
        }
    });
    html! {
        <section class="card insight" aria-labelledby="similarity-title">
            <h3 class="insight-title" id="similarity-title">{ "How alike the classes are" }</h3>
            <p class="help">
                { "The cosine between the prompts of two classes: 1 is the same direction. The further \
                   apart two prompts lie, the easier their images are told apart." }
                { of_the_image(&compared) }
                { first_classes(shown.answer.classes, classes.len()) }
            </p>
            <div class="cosine-tables">{ for tables }</div>
            <p class="insight-note" data-testid="similarity-means">{ comparison(&compared) }</p>
            <p class="cosines-scale help" aria-hidden="true">
                { format!("{lowest:.2}") }
                { for (0..=8).map(|step| html! { <span class={format!("cosine-{step}")} /> }) }
                { "1.00" }
            </p>
        </section>
    }
}

fn of_the_image(compared: &[&LearnerPrompts]) -> Option<&'static str> {
    let is_any = |method| compared.iter().any(|learner| learner.method == method);
    match (is_any(Method::CoCoOp), is_any(Method::LinearProbe)) {
        (true, _) => Some(" CoCoOp's are the prompts that the image on the left makes."),
        (_, true) => Some(" The linear probe has no prompts: its rows of weights are compared."),
        _ => None,
    }
}

fn first_classes(looked_at: usize, all: usize) -> Option<String> {
    (looked_at < all).then(|| format!(" These are the first {looked_at} of {all} classes."))
}

/// What learning did to the mean.
fn comparison(compared: &[&LearnerPrompts]) -> Option<String> {
    let [words, learned] = compared else {
        return None;
    };
    if learned.method == Method::LinearProbe {
        // Rows of weights and prompts are no measure for each other.
        return None;
    }
    let (before, after) = (
        mean_of_others(&words.similarity)?,
        mean_of_others(&learned.similarity)?,
    );
    let verdict = match after - before {
        change if change < -0.005 => "learning pushed the classes apart",
        change if change > 0.005 => "learning drew the classes together",
        _ => "on the whole the classes lie as they did",
    };
    Some(format!(
        "Different classes on average: {before:.3} in words, {after:.3} learned; {verdict}."
    ))
}

/// Why a learner has no matrix, and the way out.
fn refusal(state: &UseReducerHandle<State>, learner: &LearnerPrompts, problem: &str) -> Html {
    let info = state.learned_info(&learner.name);
    let names = info
        .map(|info| info.class_names.clone())
        .unwrap_or_default();
    let hint = match names.is_empty() {
        true => "choose an image on the left",
        false => "use the class names that it was learned on",
    };
    let problem = Problem::new(problem.to_string(), hint);
    let is_other = !names.is_empty() && names != state.class_names;
    let content = match is_other {
        true => {
            let replace = act(state, Action::ClassesReplaced(names));
            problem_with(&problem, "Use its class names", replace)
        }
        false => problem_box(&problem),
    };
    html! { <div key={learner.name.clone()}>{ content }</div> }
}
