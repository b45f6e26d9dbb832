//! What the page knows, and how each action changes it: a pure reducer.
//!
//! Wishes are kept as data (files that wait, a question not yet answered), and
//! [`State::next_task`] reads from them what the worker should do next. So
//! nothing is queued twice, a question that was overtaken is never asked, and a
//! worker that died can be given everything again.

mod action;
mod files;
mod task;
mod worker_events;

use std::rc::Rc;

use clipwright_shared::learners::DEFAULT_TEMPLATE;
use clipwright_shared::protocol::{Classification, LearnedInfo};
use serde::Deserialize;
use yew::Reducible;

pub use action::Action;
pub use files::{Learned, LearnedStage, ModelFile, ModelSlot, ModelStage, StoredFile};
pub use task::Task;

use crate::prompt::PLACEHOLDER;

/// A file's bytes, kept by the page outside of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// What went wrong, and the next thing to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    pub hint: Option<String>,
}

impl Problem {
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

/// The worker, as the page sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkerState {
    /// Goes up with each new worker; news of an older one is ignored.
    pub generation: u32,
    pub phase: WorkerPhase,
    /// Starts in a row that came to nothing.
    pub failed_starts: u32,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub enum WorkerPhase {
    #[default]
    Starting,
    Ready,
    /// It could not be started at all.
    Stopped(Problem),
}

/// The image in question.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub source: SourceId,
    /// An object URL to show it by.
    pub url: String,
    pub title: String,
    /// Its place among the samples, if it is one.
    pub sample: Option<usize>,
}

/// `samples/samples.json`: images to try, with the classes that go with them.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct SampleList {
    pub classes: Vec<String>,
    pub template: String,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sample {
    pub file: String,
    pub title: String,
}

/// The newest answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The question it answers.
    pub id: u32,
    pub classification: Classification,
    /// How long the worker took.
    pub milliseconds: f64,
}

/// All that the page knows.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub worker: WorkerState,
    pub model: ModelSlot,
    /// The learned files, in the order they came.
    pub learned: Vec<Learned>,
    /// Names that the worker has yet to forget.
    pub forgotten: Vec<String>,
    /// None until the list has come.
    pub samples: Option<SampleList>,
    pub image: Option<Image>,
    pub class_names: Vec<String>,
    pub template: String,
    /// Goes up with each change that needs a new answer.
    pub question: u32,
    /// The newest question that got an answer or a problem.
    pub settled: u32,
    pub answer: Option<Answer>,
    /// Why the current question has no answer.
    pub question_problem: Option<Problem>,
    /// News that belong to no place of their own; dismissible.
    pub notice: Option<Problem>,
    /// What the worker does right now.
    pub in_flight: Option<Task>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            worker: WorkerState::default(),
            model: ModelSlot::default(),
            learned: Vec::new(),
            forgotten: Vec::new(),
            samples: None,
            image: None,
            class_names: Vec::new(),
            template: DEFAULT_TEMPLATE.into(),
            question: 0,
            settled: 0,
            answer: None,
            question_problem: None,
            notice: None,
            in_flight: None,
        }
    }
}

impl State {
    /// What keeps the question from being asked, and what to do about it.
    pub fn obstacle(&self) -> Option<Problem> {
        if let Some(problem) = self.template_problem() {
            return Some(problem);
        }
        if self.class_names.len() < 2 {
            let count = crate::format::count(self.class_names.len(), "class", "classes");
            let message = format!("there are {count}; expected at least two to choose from");
            return Some(Problem::new(message, "add class names on the left"));
        }
        if self.image.is_none() {
            let message = "there is no image yet";
            return Some(Problem::new(
                message,
                "drop, paste or choose one, or try a sample",
            ));
        }
        None
    }

    /// What is wrong with the template.
    pub fn template_problem(&self) -> Option<Problem> {
        let places = self.template.matches(PLACEHOLDER).count();
        (places != 1).then(|| {
            let message =
                format!("the template has {places} places for the class name; expected one");
            Problem::new(
                message,
                format!("write {PLACEHOLDER} once, as in “{DEFAULT_TEMPLATE}”"),
            )
        })
    }

    /// Whether an answer is being worked on or will be.
    pub fn is_thinking(&self) -> bool {
        self.settled < self.question && self.obstacle().is_none()
    }

    /// What is known of the learned file `name`, once it has been open.
    pub fn learned_info(&self, name: &str) -> Option<&LearnedInfo> {
        let mut learned = self.learned.iter();
        let learned = learned.find(|learned| learned.file.name == name)?;
        learned.info.as_ref()
    }

    /// The bytes that may be needed again.
    pub fn live_sources(&self) -> Vec<SourceId> {
        let model = [&self.model.open, &self.model.next]
            .into_iter()
            .filter_map(|file| file.as_ref()?.source());
        let learned = self.learned.iter().map(|learned| learned.file.source);
        let image = self.image.iter().map(|image| image.source);
        model.chain(learned).chain(image).collect()
    }

    /// Something changed that needs a new answer.
    fn ask(&mut self) {
        self.question += 1;
        self.question_problem = None;
    }
}

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = Rc::unwrap_or_clone(self);
        next.apply(action);
        Rc::new(next)
    }
}

#[cfg(test)]
mod tests;
