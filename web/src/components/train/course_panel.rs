//! The course: begun, stopped, continued, and what it has come to.

use yew::prelude::*;

use super::curves::{Axis, Series, curves};
use super::map::map;
use super::numbers::numbers;
use super::scores::scores;
use crate::components::button::button;
use crate::components::problem_box::problem_box;
use crate::components::text::{help, span};
use crate::components::work_strip::progress_bar;
use crate::components::{act, method_key};
use crate::format::{count, duration, percent, size};
use crate::state::{Action, Asker, Course, Lane, State, Tab, TrainAction};

/// How much longer a finished course can be made at a time.
const LONGER: usize = 20;

pub fn course_panel(state: &UseReducerHandle<State>) -> Html {
    let course = state.train.course.as_ref();
    let method = course.map_or(state.train.settings.plan.method, |course| {
        course.request.plan.method
    });
    let is_going = course.is_some_and(|course| course.is_going);
    let problem = course.and_then(|course| course.problem.clone());
    let problem = problem.or_else(|| state.train_obstacle().filter(|_| !is_going));
    let problem = problem.as_ref().map(problem_box);
    let not_kept = state.train.not_kept.as_ref().map(problem_box);
    let news = course.map_or(&[][..], |course| &course.news);
    let epochs = course.map_or(state.train.settings.plan.epochs, Course::epochs_planned);
    let start = news.first().and_then(|news| news.start.as_ref());
    let zero_shot = start.map(|start| start.zero_shot);
    let learned = news.last().map(|news| news.test).unwrap_or_default();
    html! {
        <section
            class="card train-course" data-method={method_key(method)} aria-labelledby="train-course-title"
            data-testid="train-course" data-epoch={course.map_or(0, Course::epochs_done).to_string()}
            data-kept={course.map_or(0, Course::epochs_kept).to_string()} data-state={stage(course)}
        >
            <h2 class="card-title" id="train-course-title">{ "Training" }</h2>
            <div class="train-buttons">{ buttons(state, course) }</div>
            { progress(state, course) }
            <p class="visually-hidden" role="status">{ spoken(course) }</p>
            { problem }
            { not_kept }
            <div class="train-charts">
                { curves("train-loss", "Loss", Axis::Number, epochs, &loss(course)) }
                { curves("train-accuracy", "Recognised", Axis::Share, epochs, &accuracy(course)) }
            </div>
            { scores(method, zero_shot.unwrap_or_default(), learned) }
            { numbers(news) }
            { course.map(map) }
            { taken(state, course) }
        </section>
    }
}

fn stage(course: Option<&Course>) -> &'static str {
    match course {
        None => "none",
        Some(course) if course.is_going => "going",
        Some(course) if course.is_finished() => "finished",
        Some(_) => "stopped",
    }
}

fn buttons(state: &UseReducerHandle<State>, course: Option<&Course>) -> Html {
    let button = |testid: &'static str, says: String, action: TrainAction, is_disabled: bool| {
        let onclick = act(state, Action::Train(action));
        button("button", testid, says, is_disabled, onclick)
    };
    let cannot = state.train_obstacle().is_some();
    let Some(course) = course else {
        return button("train-begin", "Train".into(), TrainAction::Begin, cannot);
    };
    let longer = format!("{LONGER} epochs more");
    let (testid, says, action) = match stage(Some(course)) {
        "going" => ("train-stop", "Stop".into(), TrainAction::Stop),
        "finished" => ("train-longer", longer, TrainAction::Longer(LONGER)),
        _ => ("train-continue", "Continue".into(), TrainAction::Continue),
    };
    let first = button(testid, says, action, false);
    let hint = state.train_is_other().then(|| {
        span(
            "help",
            "Photos or settings are others now: train anew to use them.",
        )
    });
    html! {
        <>
            { first }
            { button("train-begin", "Train anew".into(), TrainAction::Begin, cannot || course.is_going) }
            { hint }
        </>
    }
}

/// How far the course is; its place is kept while nothing is under way.
fn progress(state: &State, course: Option<&Course>) -> Html {
    let running = state.lane(Lane::Training);
    let running = running.filter(|running| running.task.asker == Asker::Train);
    let encoding = state.train.photos_waiting();
    let (share, text) = match course {
        Some(course) if course.is_going => {
            let (done, planned) = (course.epochs_done(), course.epochs_planned());
            // Within a part, steps are finer than epochs.
            let part = running.and_then(|running| running.progress.as_ref());
            let part = part.map_or(0.0, |part| part.done as f64 / part.total.max(1) as f64);
            let kept = course.epochs_kept();
            let goal = course.next_record();
            let reached = kept as f64 + part * goal.saturating_sub(kept) as f64;
            let share = reached.max(done as f64) / planned.max(1) as f64;
            let left = course.milliseconds_left();
            let left = left.map_or(String::new(), |left| format!(", {} left", duration(left)));
            let text = match (encoding, course.news.is_empty()) {
                (0, false) => format!("epoch {done} of {planned}{left}"),
                (0, true) => "testing words alone…".into(),
                (waiting, _) => format!("reading {}…", count(waiting, "photo", "photos")),
            };
            (share, text)
        }
        _ if encoding > 0 => (
            0.0,
            format!("reading {}…", count(encoding, "photo", "photos")),
        ),
        Some(course) => {
            let (done, planned) = (course.epochs_done(), course.epochs_planned());
            let share = done as f64 / planned.max(1) as f64;
            (share, format!("{done} of {planned} epochs"))
        }
        None => (0.0, "nothing learned yet".into()),
    };
    html! {
        <div class="work-strip is-busy" data-testid="train-progress">
            { progress_bar("Training", share, Some(text.clone())) }
            { span("work-text", text) }
        </div>
    }
}

/// Told when it begins and when it rests; in between the numbers are there to be read.
fn spoken(course: Option<&Course>) -> Option<String> {
    let course = course?;
    if course.is_going {
        return Some("Training.".into());
    }
    let news = course.news.last()?;
    let tested = news.test.base.map_or(String::new(), |base| {
        format!(
            ", {} of the held-out photos recognised",
            percent(base as f32)
        )
    });
    let epochs = count(news.epoch, "epoch", "epochs");
    Some(format!("The training rests after {epochs}{tested}."))
}

fn loss(course: Option<&Course>) -> Vec<Series> {
    let news = course.map_or(&[][..], |course| &course.news);
    let points = news
        .iter()
        .filter_map(|news| Some((news.epoch, news.seen?.loss)));
    vec![series(
        "photos learned from",
        "is-train",
        points.collect(),
        |loss| format!("{loss:.3}"),
    )]
}

fn accuracy(course: Option<&Course>) -> Vec<Series> {
    let news = course.map_or(&[][..], |course| &course.news);
    let shown = |share: f64| percent(share as f32);
    let learned = news
        .iter()
        .filter_map(|news| Some((news.epoch, news.seen?.accuracy)));
    let tested = news
        .iter()
        .filter_map(|news| Some((news.epoch, news.test.base?)));
    let start = news.first().and_then(|news| news.start.as_ref());
    let words = start.and_then(|start| start.zero_shot.base);
    let epochs = course.map_or(0, Course::epochs_planned);
    let words = words.map_or(Vec::new(), |share| vec![(0, share), (epochs, share)]);
    vec![
        series("photos learned from", "is-train", learned.collect(), shown),
        series(
            "photos kept for testing",
            "is-held-out",
            tested.collect(),
            shown,
        ),
        series("the same, by words alone", "is-zero-shot", words, shown),
    ]
}

fn series(
    name: &'static str,
    look: &'static str,
    points: Vec<(usize, f64)>,
    shown: impl Fn(f64) -> String,
) -> Series {
    let last = points.last().map_or("–".into(), |(_, value)| shown(*value));
    Series {
        name,
        look,
        points,
        last,
    }
}

/// What was learned, to be used and taken away. Its place is kept.
fn taken(state: &UseReducerHandle<State>, course: Option<&Course>) -> Html {
    let kept = course.and_then(|course| course.kept.as_ref());
    let kept = kept.filter(|kept| kept.epoch > 0);
    let is_going = course.is_some_and(|course| course.is_going);
    let dispatch = state.dispatcher();
    let onuse = Callback::from(move |_: MouseEvent| {
        dispatch.dispatch(Action::Train(TrainAction::Use));
        dispatch.dispatch(Action::TabChosen(Tab::Classify));
    });
    let told = match kept {
        None => "What is learned can be used and taken away here.".to_string(),
        Some(kept) => format!(
            "learned.safetensors as of epoch {}, {}; clipwright reads it on the command line too.",
            kept.epoch,
            size(kept.learned_bytes)
        ),
    };
    let download = match kept {
        Some(kept) => html! {
            <a class="button" href={kept.url.clone()} download="learned.safetensors" data-testid="train-download">{ "Download" }</a>
        },
        None => {
            html! { <button class="button" type="button" disabled=true>{ "Download" }</button> }
        }
    };
    html! {
        <div class="train-taken">
            { button("button", "train-use", "Use it in Classify", kept.is_none() || is_going, onuse) }
            { download }
            { help(told) }
        </div>
    }
}
