//! Everything that can happen to the page, and what each does.

use clipwright_shared::learners::DEFAULT_TEMPLATE;
use clipwright_shared::protocol::Event;
use clipwright_shared::session::ZERO_SHOT;

use super::{
    Image, Learned, LearnedStage, ModelFile, ModelStage, Problem, SampleList, State, StoredFile,
    Task,
};

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    // From the worker.
    WorkerSaid {
        generation: u32,
        event: Event,
        milliseconds: f64,
    },
    WorkerDied {
        generation: u32,
        reason: String,
    },
    TaskStarted(Task),
    /// The bytes of a task could not be read.
    TaskFailed {
        generation: u32,
        problem: Problem,
    },

    // Files that arrive.
    ModelRequested {
        name: String,
    },
    ModelArriving {
        received: u64,
        total: Option<u64>,
    },
    ModelUnreachable(Problem),
    ModelArrived(StoredFile),
    LearnedArrived(StoredFile),
    FileRefused(Problem),
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
    TemplateChanged(String),
    AskAgain,
    NoticeDismissed,
    ModelProblemDismissed,
}

impl State {
    pub(super) fn apply(&mut self, action: Action) {
        match action {
            Action::WorkerSaid {
                generation,
                event,
                milliseconds,
            } => {
                if generation == self.worker.generation {
                    self.worker_said(event, milliseconds);
                }
            }
            Action::WorkerDied { generation, reason } => {
                if generation == self.worker.generation {
                    self.worker_died(&reason);
                }
            }
            Action::TaskStarted(task) => self.in_flight = Some(task),
            Action::TaskFailed {
                generation,
                problem,
            } => {
                if generation == self.worker.generation {
                    self.task_failed(problem);
                }
            }

            Action::ModelRequested { name } => {
                self.model.attempt += 1;
                self.model.problem = None;
                let stage = ModelStage::Fetching {
                    received: 0,
                    total: None,
                };
                self.model.next = Some(ModelFile { name, stage });
            }
            Action::ModelArriving { received, total } => {
                if let Some(ModelFile { stage, .. }) = &mut self.model.next
                    && let ModelStage::Fetching { .. } = stage
                {
                    *stage = ModelStage::Fetching { received, total };
                }
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
            Action::SamplesListed(list) => self.samples_listed(list),
            Action::SamplesMissing(problem) => {
                self.samples = Some(SampleList::default());
                self.notice = Some(problem);
            }
            Action::FirstImage(image) => {
                if self.image.is_none() {
                    self.image = Some(image);
                    self.ask();
                }
            }
            Action::ImageChosen(image) => {
                self.image = Some(image);
                self.ask();
            }

            Action::LearnedRemoved { name } => self.learned_removed(&name),
            Action::ClassesAdded(text) => self.classes_added(&text),
            Action::ClassRemoved(index) => {
                if index < self.class_names.len() {
                    self.class_names.remove(index);
                    self.ask();
                }
            }
            Action::ClassesReplaced(class_names) => {
                self.class_names.clear();
                for name in class_names {
                    self.class_added(&name);
                }
                self.ask();
            }
            Action::TemplateChanged(template) => {
                self.template = template;
                self.ask();
            }
            Action::AskAgain => self.ask(),
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
        if self.template == DEFAULT_TEMPLATE {
            self.template.clone_from(&list.template);
        }
        self.samples = Some(list);
        self.ask();
    }

    fn learned_removed(&mut self, name: &str) {
        let known = self.learned.len();
        self.learned.retain(|learned| learned.file.name != name);
        if self.learned.len() < known {
            self.forgotten.push(name.into());
            if let Some(answer) = &mut self.answer {
                answer
                    .classification
                    .rankings
                    .retain(|ranking| ranking.name != name);
            }
        }
    }

    fn classes_added(&mut self, text: &str) {
        let known = self.class_names.len();
        for name in text.split([',', '\n']) {
            self.class_added(name);
        }
        if self.class_names.len() > known {
            self.ask();
        }
    }

    /// Adds one name, unless it is empty or there already.
    fn class_added(&mut self, name: &str) {
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
