//! What the worker should do next, read from the wishes in the state.

use clipwright_shared::protocol::{Message, Progress, Prompts, Request};

use super::{FilePart, LearnedStage, ModelFile, ModelStage, State, StoredFile, Tab, WorkerPhase};

/// One piece of work for the worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The part of the page that the answer goes to.
    pub asker: Asker,
    pub request: Request,
    /// The files that go beside it.
    pub files: Vec<FilePart>,
    /// The models and learned files that it is about, as [`State::epoch`] counts them.
    pub epoch: u32,
}

/// A part of the page that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Model,
    LearnedFiles,
    Classify,
    Batch,
    Patches,
    Augment,
    Tune,
    Train,
    Learned,
}

/// The worker does one task in each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Question,
    Training,
}

impl Lane {
    pub const ALL: [Self; 2] = [Self::Question, Self::Training];
}

/// A task under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    pub id: u32,
    pub task: Task,
    /// None until the worker tells.
    pub progress: Option<Progress>,
    /// How long the worker has been at it, when it told last.
    pub milliseconds: f64,
    /// Whether the worker was told to stop.
    pub is_cancelled: bool,
}

impl Task {
    pub fn lane(&self) -> Lane {
        match self.request {
            Request::Train(_) => Lane::Training,
            _ => Lane::Question,
        }
    }

    /// The message to send.
    pub fn message(&self, id: u32) -> Message {
        Message::Do {
            task: id,
            request: Box::new(self.request.clone()),
        }
    }
}

impl State {
    /// What goes with class names and templates.
    pub fn prompts(&self) -> Prompts {
        Prompts {
            class_names: self.class_names.clone(),
            templates: self.templates.clone(),
        }
    }

    /// A question about the image that is shown; none while something keeps it from
    /// being asked.
    pub fn about_the_image(&self, asker: Asker, request: Request) -> Option<Task> {
        let image = self.image.as_ref().filter(|_| self.obstacle().is_none())?;
        Some(self.task(asker, request, vec![FilePart::new("image", image.source)]))
    }

    /// A task about what is loaded now.
    pub fn task(&self, asker: Asker, request: Request, files: Vec<FilePart>) -> Task {
        Task {
            asker,
            request,
            files,
            epoch: self.epoch,
        }
    }

    /// The classes of the image that is shown.
    pub fn classification_wish(&self) -> Option<Task> {
        let prompts = self.prompts();
        self.about_the_image(Asker::Classify, Request::Classify { prompts })
    }

    /// Everything that the worker should do, in order.
    pub fn wishes(&self) -> Vec<Task> {
        let waiting = self.model.next.as_ref();
        if let Some(ModelFile {
            stage: ModelStage::Waiting(file),
            ..
        }) = waiting
        {
            let name = file.name.clone();
            let request = Request::LoadModel {
                name,
                only_image: false,
            };
            return vec![file.task(Asker::Model, request)];
        }
        if self.model.info().is_none() {
            return Vec::new();
        }
        let mut wishes = Vec::new();
        if let Some(name) = self.forgotten.first().cloned() {
            let request = Request::RemoveLearned { name };
            wishes.push(Task {
                asker: Asker::LearnedFiles,
                request,
                files: Vec::new(),
                epoch: 0,
            });
        }
        let waiting = |stage: &LearnedStage| *stage == LearnedStage::Waiting;
        if let Some(learned) = self.learned.iter().find(|learned| waiting(&learned.stage)) {
            let name = learned.file.name.clone();
            let request = Request::LoadLearned { name };
            wishes.push(learned.file.task(Asker::LearnedFiles, request));
        }
        if !wishes.is_empty() {
            // What is asked is asked of all that is loaded.
            return wishes;
        }
        wishes.extend(self.classify.filter(self.classification_wish()));
        wishes.extend(match self.tab {
            Tab::Classify => self.batch.wish(self),
            Tab::Patches => self.patches.wish(self),
            Tab::Augment => self.augment.wish(self),
            Tab::Tune => self.tune.wish(self),
            Tab::Learned => self.learned_tab.wish(self),
            Tab::Train => None,
        });
        wishes.extend(self.train.wishes(self));
        wishes
    }

    /// The next thing to send, with its number; nothing while the lane is busy or the
    /// worker away.
    pub fn next_task(&self, lane: Lane) -> Option<(u32, Task)> {
        if self.worker.phase != WorkerPhase::Ready || self.lane(lane).is_some() {
            return None;
        }
        let task = self.wishes().into_iter().find(|task| task.lane() == lane)?;
        Some((2 * self.started[lane as usize] + lane as u32, task))
    }

    /// Tasks under way that nobody wants any more: to be cancelled, by number.
    pub fn overtaken(&self) -> Vec<u32> {
        let lanes = Lane::ALL.into_iter();
        let running = lanes.filter_map(|lane| self.lane(lane));
        let mut running = running.filter(|running| !running.is_cancelled).peekable();
        if running.peek().is_none() {
            return Vec::new();
        }
        let wishes = self.wishes();
        running
            .filter(|running| !wishes.contains(&running.task))
            .map(|running| running.id)
            .collect()
    }

    /// What is under way in a lane.
    pub fn lane(&self, lane: Lane) -> Option<&Running> {
        self.running[lane as usize].as_ref()
    }

    /// What is under way for a part of the page.
    pub fn running(&self, asker: Asker) -> Option<&Running> {
        let mut lanes = self.running.iter().flatten();
        lanes.find(|running| running.task.asker == asker)
    }
}

impl StoredFile {
    fn task(&self, asker: Asker, request: Request) -> Task {
        Task {
            asker,
            request,
            files: self.parts.clone(),
            // Opening a file depends on nothing that was opened before.
            epoch: 0,
        }
    }
}
