//! What the page knows, and how each action changes it: a pure reducer.
//!
//! Wishes are kept as data (files that wait, a question not yet answered), and
//! [`State::next_task`] reads from them what the worker should do next. So
//! nothing is queued twice, a question that was overtaken is never asked, and a
//! worker that died can be given everything again.

mod action;
mod augment;
mod batch;
mod files;
mod hub;
mod inquiry;
mod learned_tab;
mod patches;
mod set_up;
mod site;
mod tab;
mod task;
mod tour;
mod train;
mod tune;
mod views;
mod words;
mod worker_events;

use std::rc::Rc;

use clipwright_shared::learners::DEFAULT_TEMPLATE;
use clipwright_shared::protocol::{Answer, LearnedInfo, Ranking, SiteInfo};
use clipwright_shared::session::ZERO_SHOT;
use serde::Deserialize;
use yew::Reducible;

pub use action::Action;
pub use augment::{Augment, AugmentAction, AugmentSettings};
pub use batch::{
    Batch, BatchAction, BatchLearner, BatchSettings, Entry, MOST_IMAGES, NewRow, Row, Score,
    SortKey, evenly,
};
pub use files::{FilePart, Learned, LearnedStage, ModelFile, ModelSlot, ModelStage, StoredFile};
pub use hub::{Download, DownloadStage, HubAction, HubState, LookUp};
pub use inquiry::{Answered, Inquiry, Outcome};
pub use learned_tab::{
    LearnedTab, LearnedTabAction, LearnedTabSettings, MapImage, MapSample, ShownLearned,
};
pub use patches::{Patches, PatchesAction, PatchesSettings};
pub use tab::Tab;
pub use task::{Asker, Lane, Running, Task};
pub use tour::{STEPS, Step, Tour, TourAction};
pub use train::{
    Course, Fresh, KeptCourse, NewPhoto, Offer, Photo, PhotoStage, Saved, SavedPhoto, Train,
    TrainAction, TrainSettings,
};
pub use tune::{LEARNING_RATES, ShownTuning, Tune, TuneAction, TuneSettings, TuneShare, TuneViews};
pub use views::{Heat, ShownViews};
pub use words::WordsAction;

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

    /// Both, where there is one place to say them, and what to do about the first.
    pub fn and(self, other: Self) -> Self {
        Self {
            message: format!("{}; {}", self.message, other.message),
            hint: self.hint.or(other.hint),
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

/// All that the page knows.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub worker: WorkerState,
    pub model: ModelSlot,
    /// The learned files, in the order they came.
    pub learned: Vec<Learned>,
    /// Names that the worker has yet to forget.
    pub forgotten: Vec<String>,
    /// Whose page it is, if it is somebody's own classifier's.
    pub site: Option<SiteInfo>,
    /// None until the list has come.
    pub samples: Option<SampleList>,
    pub image: Option<Image>,
    pub class_names: Vec<String>,
    /// One, or several as an ensemble.
    pub templates: Vec<String>,
    /// The question on the right that is looked at.
    pub tab: Tab,
    /// The ranking of the image that is shown.
    pub classify: Inquiry,
    pub batch: Batch,
    pub patches: Patches,
    pub augment: Augment,
    pub tune: Tune,
    pub train: Train,
    pub learned_tab: LearnedTab,
    pub hub: HubState,
    pub tour: Tour,
    /// Goes up when another model or learned file answers.
    pub epoch: u32,
    /// News that belong to no place of their own; dismissible.
    pub notice: Option<Problem>,
    /// What the worker does right now, by lane.
    pub running: [Option<Running>; 2],
    /// Tasks started so far, by lane.
    pub started: [u32; 2],
}

impl Default for State {
    fn default() -> Self {
        Self {
            worker: WorkerState::default(),
            model: ModelSlot::default(),
            learned: Vec::new(),
            forgotten: Vec::new(),
            site: None,
            samples: None,
            image: None,
            class_names: Vec::new(),
            templates: vec![DEFAULT_TEMPLATE.into()],
            tab: Tab::default(),
            classify: Inquiry::default(),
            batch: Batch::default(),
            patches: Patches::default(),
            augment: Augment::default(),
            tune: Tune::default(),
            train: Train::default(),
            learned_tab: LearnedTab::default(),
            hub: HubState::default(),
            tour: Tour::default(),
            epoch: 0,
            notice: None,
            running: [None, None],
            started: [0, 0],
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

    /// What is wrong with the templates.
    pub fn template_problem(&self) -> Option<Problem> {
        let mut places = self
            .templates
            .iter()
            .map(|template| template.matches(PLACEHOLDER).count());
        let places = places.find(|places| *places != 1)?;
        let message = format!("the template has {places} places for the class name; expected one");
        Some(Problem::new(
            message,
            format!("write {PLACEHOLDER} once, as in “{DEFAULT_TEMPLATE}”"),
        ))
    }

    /// Whether a ranking is being worked on or will be.
    pub fn is_thinking(&self) -> bool {
        let wish = self.classification_wish();
        wish.is_some_and(|wish| self.classify.wants(&wish))
    }

    /// The newest ranking by each learner that is still there, zero-shot first.
    pub fn rankings(&self) -> Option<Vec<&Ranking>> {
        let Answer::Classified(classification) = &self.classify.answered()?.answer else {
            return None;
        };
        let known = |ranking: &&Ranking| {
            ranking.name == ZERO_SHOT || self.learned_info(&ranking.name).is_some()
        };
        Some(classification.rankings.iter().filter(known).collect())
    }

    /// Why the image that is shown has no ranking.
    pub fn classify_problem(&self) -> Option<&Problem> {
        self.classify.problem(self.classification_wish().as_ref())
    }

    /// Whether a person stopped it.
    pub fn classify_is_stopped(&self) -> bool {
        self.classify
            .is_stopped(self.classification_wish().as_ref())
    }

    /// What is known of the learned file `name`, once it has been open.
    pub fn learned_info(&self, name: &str) -> Option<&LearnedInfo> {
        let mut learned = self.learned.iter();
        let learned = learned.find(|learned| learned.file.name == name)?;
        learned.info.as_ref()
    }

    /// The bytes that may be needed again.
    pub fn live_sources(&self) -> Vec<SourceId> {
        let model = [&self.model.open, &self.model.next].into_iter().flatten();
        let model = model
            .filter_map(ModelFile::file)
            .flat_map(StoredFile::sources);
        let learned = self
            .learned
            .iter()
            .flat_map(|learned| learned.file.sources());
        let image = self.image.iter().map(|image| image.source);
        model
            .chain(learned)
            .chain(image)
            .chain(self.batch.sources())
            .chain(self.patches.inquiry.sources())
            .chain(self.augment.inquiry.sources())
            .chain(self.tune.inquiry.sources())
            .chain(self.train.sources())
            .chain(self.learned_tab.sources())
            .collect()
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
