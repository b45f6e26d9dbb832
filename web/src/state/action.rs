//! Everything that can happen to the page, and what each does.

use clipwright_shared::learners::DEFAULT_TEMPLATE;
use clipwright_shared::protocol::{Event, SiteInfo};
use clipwright_shared::session::ZERO_SHOT;

use super::{
    AugmentAction, BatchAction, HubAction, Image, Learned, LearnedStage, LearnedTabAction,
    ModelFile, ModelStage, PatchesAction, Problem, SampleList, SourceId, State, StoredFile, Tab,
    Task, TourAction, TrainAction, TuneAction, WordsAction,
};
use crate::share::Reading;

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    // From the worker.
    WorkerSaid {
        generation: u32,
        event: Event,
        milliseconds: f64,
        /// Pixels that came beside it.
        pixels: Option<SourceId>,
    },
    WorkerDied {
        generation: u32,
        reason: String,
    },
    TaskStarted {
        id: u32,
        task: Task,
    },
    /// The bytes of a task could not be read.
    TaskFailed {
        generation: u32,
        id: u32,
        problem: Problem,
    },
    /// The worker was told to stop a task.
    TaskCancelled {
        id: u32,
    },

    // Files that arrive.
    ModelRequested {
        name: String,
    },
    ModelUnreachable(Problem),
    ModelArrived(StoredFile),
    LearnedArrived(StoredFile),
    FileRefused(Problem),
    /// The page is one of somebody's own classifier.
    SiteOpened(SiteInfo),
    SamplesListed(SampleList),
    /// There are none; everything else works without.
    SamplesMissing(Problem),
    /// The image that the page opens with; any other comes before it.
    FirstImage(Image),
    ImageChosen(Image),

    // What a person does.
    LearnedRemoved {
        name: String,
    },
    /// One or more names, set apart by commas or line ends.
    ClassesAdded(String),
    ClassRemoved(usize),
    ClassesReplaced(Vec<String>),
    /// The template at this place.
    TemplateChanged(usize, String),
    Words(WordsAction),
    AskAgain,
    /// The ranking that is being worked on is not wanted.
    StopAsking,
    TabChosen(Tab),
    Batch(BatchAction),
    Patches(PatchesAction),
    Augment(AugmentAction),
    Tune(TuneAction),
    Train(TrainAction),
    LearnedTab(LearnedTabAction),
    Hub(HubAction),
    Tour(TourAction),
    /// A link with a set-up was opened.
    SetUpArrived(Reading),
    NoticeDismissed,
    ModelProblemDismissed,
}

impl State {
    pub(super) fn apply(&mut self, action: Action) {
        if self.is_forbidden(&action) {
            return;
        }
        match action {
            Action::WorkerSaid {
                generation,
                event,
                milliseconds,
                pixels,
            } => {
                if generation == self.worker.generation {
                    self.worker_said(event, milliseconds, pixels);
                }
            }
            Action::WorkerDied { generation, reason } => {
                if generation == self.worker.generation {
                    self.worker_died(&reason);
                }
            }
            Action::TaskStarted { id, task } => self.task_started(id, task),
            Action::TaskFailed {
                generation,
                id,
                problem,
            } => {
                if generation == self.worker.generation {
                    self.task_settled(id, Err(problem));
                }
            }
            Action::TaskCancelled { id } => self.task_cancelled(id),

            Action::ModelRequested { name } => {
                self.model.attempt += 1;
                self.model.problem = None;
                let stage = ModelStage::Asked;
                self.model.next = Some(ModelFile { name, stage });
            }
            Action::ModelUnreachable(problem) => {
                // A person's own file may have taken the place meanwhile.
                if self.model.is_fetching() {
                    self.model.next = None;
                    self.model.problem = Some(problem);
                }
            }
            Action::ModelArrived(file) => {
                self.model.problem = None;
                self.model.next = Some(ModelFile::waiting(file));
            }
            Action::LearnedArrived(file) => {
                // What has just come is what a person wishes to look into.
                self.learned_tab.settings.learner = None;
                let file = StoredFile {
                    name: self.free_name(&file.name),
                    ..file
                };
                self.learned.push(Learned {
                    file,
                    stage: LearnedStage::Waiting,
                    info: None,
                });
            }
            Action::FileRefused(problem) => self.notice = Some(problem),
            Action::SiteOpened(site) => self.site_opened(site),
            Action::SamplesListed(list) => self.samples_listed(list),
            Action::SamplesMissing(problem) => {
                self.samples = Some(SampleList::default());
                self.notice = Some(problem);
            }
            Action::FirstImage(image) => {
                if self.image.is_none() {
                    self.image = Some(image);
                }
            }
            Action::ImageChosen(image) => self.image = Some(image),

            Action::LearnedRemoved { name } => self.learned_removed(&name),
            Action::ClassesAdded(text) => self.classes_added(&text),
            Action::ClassRemoved(index) => {
                if index < self.class_names.len() {
                    self.class_names.remove(index);
                }
            }
            Action::ClassesReplaced(class_names) => {
                self.class_names.clear();
                for name in class_names {
                    self.class_added(&name);
                }
            }
            Action::TemplateChanged(at, template) => {
                if let Some(old) = self.templates.get_mut(at) {
                    *old = template;
                }
            }
            Action::Words(action) => self.words_did(action),
            Action::AskAgain => self.classify.again(),
            Action::StopAsking => {
                let wish = self.classification_wish();
                self.classify.stop(wish);
            }
            Action::TabChosen(tab) => self.tab = tab,
            Action::Batch(action) => self.batch_did(action),
            Action::Patches(action) => self.patches_did(action),
            Action::Augment(action) => self.augment_did(action),
            Action::Tune(action) => self.tune_did(action),
            Action::Train(action) => self.train_did(action),
            Action::LearnedTab(action) => self.learned_tab_did(action),
            Action::Hub(action) => self.hub_did(action),
            Action::Tour(action) => self.tour_did(action),
            Action::SetUpArrived(reading) => {
                self.set_up_arrived(reading);
                self.keep_to_site();
            }
            Action::NoticeDismissed => self.notice = None,
            Action::ModelProblemDismissed => self.model.problem = None,
        }
    }

    /// The presets, unless a person was faster.
    fn samples_listed(&mut self, list: SampleList) {
        if self.class_names.is_empty() {
            for name in &list.classes {
                self.class_added(name);
            }
        }
        if self.templates == [DEFAULT_TEMPLATE] {
            self.templates = vec![list.template.clone()];
        }
        self.samples = Some(list);
    }

    fn learned_removed(&mut self, name: &str) {
        let known = self.learned.len();
        self.learned.retain(|learned| learned.file.name != name);
        if self.learned.len() < known {
            self.forgotten.push(name.into());
        }
    }

    fn classes_added(&mut self, text: &str) {
        for name in text.split([',', '\n']) {
            self.class_added(name);
        }
    }

    /// Adds one name, unless it is empty or there already.
    pub(super) fn class_added(&mut self, name: &str) {
        let name = name.trim();
        if !name.is_empty() && !self.class_names.iter().any(|known| known == name) {
            self.class_names.push(name.into());
        }
    }

    /// `name`, or with a number behind it: files of several runs are often all
    /// called the same, and are loaded to be compared.
    fn free_name(&self, name: &str) -> String {
        let taken = |name: &str| {
            name == ZERO_SHOT
                || self.learned.iter().any(|learned| learned.file.name == name)
                || self.forgotten.iter().any(|forgotten| forgotten == name)
        };
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let mut names = std::iter::once(name.to_string()).chain(numbered);
        names
            .find(|name| !taken(name))
            .unwrap_or_else(|| name.into())
    }
}
