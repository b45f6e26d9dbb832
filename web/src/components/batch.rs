//! Many images: a table of what every learner says, and how often it is right.

mod row;
mod table;

use clipwright_shared::learners::Method;
use web_sys::File;
use yew::prelude::*;

use super::button::button;
use super::check::{Check, check};
use super::file_input::{Takes, file_input};
use super::text::{help, span};
use super::work_strip::work_strip;
use super::{method_key, method_title};
use crate::export::{csv, json};
use crate::format::{count, duration};
use crate::hooks::save_text;
use crate::state::{Action, BatchAction, BatchLearner, Entry, MOST_IMAGES, Running, State};
use table::table;

pub fn batch_panel(state: &UseReducerHandle<State>, on_files: &Callback<Vec<File>>) -> Html {
    if state.batch.rows().is_empty() {
        return empty(on_files);
    }
    let work = state.batch_work();
    let images = count(state.batch.rows().len(), "image", "images");
    let scores = state.batch_learners();
    let scores = scores.iter().map(|learner| score(state, learner));
    let has_labels = state.batch.rows().iter().any(|row| row.label.is_some());
    let said = match &work {
        None if state.batch_question().is_some() => format!("{images} ranked"),
        _ => String::new(),
    };
    html! {
        <section
            class="batch card" aria-labelledby="batch-title" data-testid="batch" aria-busy={work.is_some().to_string()}
        >
            <div class="batch-head">
                <h2 class="batch-title" id="batch-title">{ images.clone() }</h2>
                { ways(state, on_files) }
            </div>
            <p class="visually-hidden" role="status">{ said }</p>
            if has_labels {
                <ul class="scores" aria-label="Accuracy: the share of labelled images that a learner gets right">
                    { for scores }
                </ul>
            }
            { progress(state, work) }
            { label_help(state) }
            { table(state) }
        </section>
    }
}

/// What could stand here.
fn empty(on_files: &Callback<Vec<File>>) -> Html {
    html! {
        <section class="batch is-empty" aria-labelledby="batch-title">
            <h2 class="batch-title" id="batch-title">{ "Many images at once" }</h2>
            { help(format!("Drop up to {MOST_IMAGES} images, or a folder with a sub-folder for each class: a table ranks them all and counts how often each learner is right.")) }
            <div class="batch-ways">
                <label class="button">
                    { "Choose images" }
                    { file_input(Takes::Images, "batch-input", "Choose many images", on_files) }
                </label>
                <label class="button">
                    { "Choose a folder" }
                    { file_input(Takes::Folder, "batch-folder-input", "Choose a folder of class folders", on_files) }
                </label>
            </div>
        </section>
    }
}

fn act(state: &UseReducerHandle<State>, action: BatchAction) -> Callback<MouseEvent> {
    super::act(state, Action::Batch(action))
}

fn ways(state: &UseReducerHandle<State>, on_files: &Callback<Vec<File>>) -> Html {
    let save = |name: &'static str, media_type: &'static str, text: fn(&State) -> String| {
        let state = state.clone();
        Callback::from(move |_: MouseEvent| save_text(name, media_type, &text(&state)))
    };
    html! {
        <div class="batch-ways">
            <label class="button">
                { "Add" }
                { file_input(Takes::Images, "batch-input", "Add images to the table", on_files) }
            </label>
            <button
                class="button" type="button" data-testid="batch-csv" title="The table, for spreadsheets"
                onclick={save("clipwright.csv", "text/csv", csv)}
            >
                { "Save CSV" }
            </button>
            <button
                class="button" type="button" data-testid="batch-json" title="With the ten most probable classes of each image"
                onclick={save("clipwright.json", "application/json", json)}
            >
                { "Save JSON" }
            </button>
            { button("button", "batch-clear", "Clear", false, act(state, BatchAction::Cleared)) }
        </div>
    }
}

/// A learner's accuracy, with what it is counted from.
fn score(state: &State, learner: &BatchLearner) -> Html {
    let score = state.score(&learner.name);
    let accuracy = match score.accuracy() {
        Some(accuracy) => format!("{:.1}\u{202f}%", accuracy * 100.0),
        None => "–".into(),
    };
    let counted = match score.of {
        0 => "no image labelled with one of the classes".into(),
        of => format!("{} of {of} right", score.right),
    };
    let name = (learner.method != Method::ZeroShot).then(
        || html! { <span class="score-name" title={learner.name.clone()}>{ &learner.name }</span> },
    );
    html! {
        <li
            key={learner.name.clone()} class="score" data-method={method_key(learner.method)} data-testid="batch-score"
            data-learner={learner.name.clone()} data-right={score.right.to_string()} data-of={score.of.to_string()}
        >
            <span class="dot" />
            <span class="score-title">{ method_title(learner.method) }{ name }</span>
            <strong class="score-value">{ accuracy }</strong>
            { span("score-of", counted) }
        </li>
    }
}

fn progress(state: &UseReducerHandle<State>, work: Option<Running>) -> Html {
    let question = state.batch_question();
    let rows = state.batch.rows();
    let is_answered = |row: &&Entry| question.is_some_and(|question| row.is_answered(question));
    let answered = rows.iter().filter(is_answered).count();
    let is_stopped = state.batch.is_stopped(question) && answered < rows.len();
    let idle = if is_stopped {
        format!("stopped at {answered} of {}", rows.len())
    } else if question.is_none() {
        "waiting for two classes and a template".into()
    } else {
        let spent: f64 = rows.iter().map(|row| row.milliseconds()).sum();
        let each = spent / rows.len().max(1) as f64;
        format!("all answered, {} an image", duration(each))
    };
    // Without an open model nothing is under way yet.
    let running = work.filter(|_| state.model.info().is_some());
    html! {
        <div class="batch-progress">
            { work_strip(running.as_ref(), "images", idle, act(state, BatchAction::Stopped)) }
            if is_stopped {
                { button("quiet", "batch-resume", "Go on", false, act(state, BatchAction::Resumed)) }
            }
        </div>
    }
}

/// What the labels are good for, and the way there.
fn label_help(state: &UseReducerHandle<State>) -> Html {
    let labels = state.batch.labels();
    if labels.is_empty() {
        return Html::default();
    }
    let known = labels
        .iter()
        .filter(|label| state.class_names.iter().any(|name| name == *label));
    let known = known.count();
    let all_known = known == labels.len();
    let says = match all_known {
        true => format!(
            "The folders name {}.",
            count(labels.len(), "class", "classes")
        ),
        false => format!(
            "{known} of the folders' {} are among the classes; only those count.",
            count(labels.len(), "name", "names")
        ),
    };
    let offers = !state.is_fixed()
        && labels.len() > 1
        && !(all_known && labels.len() == state.class_names.len());
    let dispatch = state.dispatcher();
    let on_wrong = Callback::from(move |only_wrong: bool| {
        dispatch.dispatch(Action::Batch(BatchAction::OnlyWrong(only_wrong)));
    });
    let wrong = Check {
        testid: "batch-only-wrong",
        label: "Only images that somebody got wrong",
        help: None,
        is_on: state.batch.settings.only_wrong,
        is_disabled: false,
    };
    let labels_as_classes = act(state, BatchAction::LabelsAsClasses);
    let says_offer = "Use the folders' names as classes";
    html! {
        <div class="batch-labels">
            { help(says) }
            if offers {
                { button("quiet", "batch-labels-as-classes", says_offer, false, labels_as_classes) }
            }
            { check(wrong, &on_wrong) }
        </div>
    }
}
