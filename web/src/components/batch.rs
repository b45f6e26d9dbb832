//! Many images: a table of what every learner says, and how often it is right.

mod row;
mod table;

use clipwright_shared::learners::Method;
use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::file_input::FileInput;
use super::work_strip::WorkStrip;
use super::{method_key, method_title};
use crate::export::{csv, json};
use crate::format::{count, duration};
use crate::hooks::save_text;
use crate::state::{Action, BatchAction, BatchLearner, Entry, MOST_IMAGES, Running, State};
use table::Table;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub on_files: Callback<Vec<File>>,
}

#[component]
pub fn BatchPanel(props: &Props) -> Html {
    let state = &props.state;
    if state.batch.rows().is_empty() {
        return empty(&props.on_files);
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
                { ways(state, &props.on_files) }
            </div>
            <p class="visually-hidden" role="status">{ said }</p>
            if has_labels {
                <ul class="scores" aria-label="Accuracy: the share of labelled images that a learner gets right">
                    { for scores }
                </ul>
            }
            { progress(state, work) }
            { label_help(state) }
            <Table state={state.clone()} />
        </section>
    }
}

/// What could stand here.
fn empty(on_files: &Callback<Vec<File>>) -> Html {
    html! {
        <section class="batch is-empty" aria-labelledby="batch-title">
            <h2 class="batch-title" id="batch-title">{ "Many images at once" }</h2>
            <p class="help">
                { format!("Drop up to {MOST_IMAGES} images, or a folder with a sub-folder for each class: a table ranks them all and counts how often each learner is right.") }
            </p>
            <div class="batch-ways">
                <label class="button">
                    { "Choose images" }
                    <FileInput
                        testid="batch-input" label="Choose many images" accept="image/*" multiple={true}
                        on_files={on_files.clone()}
                    />
                </label>
                <label class="button">
                    { "Choose a folder" }
                    <FileInput
                        testid="batch-folder-input" label="Choose a folder of class folders" folder={true}
                        on_files={on_files.clone()}
                    />
                </label>
            </div>
        </section>
    }
}

fn act(state: &UseReducerHandle<State>, action: BatchAction) -> Callback<MouseEvent> {
    let dispatch = state.dispatcher();
    Callback::from(move |_: MouseEvent| dispatch.dispatch(Action::Batch(action.clone())))
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
                <FileInput
                    testid="batch-input" label="Add images to the table" accept="image/*" multiple={true}
                    on_files={on_files.clone()}
                />
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
            <button class="button" type="button" data-testid="batch-clear" onclick={act(state, BatchAction::Cleared)}>
                { "Clear" }
            </button>
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
            <span class="score-of">{ format!("{} of {} right", score.right, score.of) }</span>
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
    let dispatch = state.dispatcher();
    let on_stop = Callback::from(move |()| dispatch.dispatch(Action::Batch(BatchAction::Stopped)));
    html! {
        <div class="batch-progress">
            <WorkStrip {running} unit="images" {idle} {on_stop} />
            if is_stopped {
                <button class="quiet" type="button" data-testid="batch-resume" onclick={act(state, BatchAction::Resumed)}>
                    { "Go on" }
                </button>
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
    let onchange = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        dispatch.dispatch(Action::Batch(BatchAction::OnlyWrong(input.checked())));
    });
    html! {
        <div class="batch-labels">
            <p class="help">{ says }</p>
            if offers {
                <button
                    class="quiet" type="button" data-testid="batch-labels-as-classes"
                    onclick={act(state, BatchAction::LabelsAsClasses)}
                >
                    { "Use the folders' names as classes" }
                </button>
            }
            <label class="check">
                <input
                    type="checkbox" data-testid="batch-only-wrong" checked={state.batch.settings.only_wrong} {onchange}
                />
                { "Only images that somebody got wrong" }
            </label>
        </div>
    }
}
