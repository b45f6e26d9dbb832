//! What the worker should do next, read from the wishes in the state.

use clipwright_shared::protocol::Request;

use super::{LearnedStage, ModelFile, ModelStage, SourceId, State, StoredFile, WorkerPhase};

/// One piece of work for the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    LoadModel(StoredFile),
    LoadLearned(StoredFile),
    RemoveLearned {
        name: String,
    },
    Classify {
        id: u32,
        image: SourceId,
        class_names: Vec<String>,
        template: String,
    },
}

impl Task {
    /// The request to send.
    pub fn request(&self) -> Request {
        match self.clone() {
            Self::LoadModel(file) => Request::LoadModel { name: file.name },
            Self::LoadLearned(file) => Request::LoadLearned { name: file.name },
            Self::RemoveLearned { name } => Request::RemoveLearned { name },
            Self::Classify {
                id,
                class_names,
                template,
                ..
            } => Request::Classify {
                id,
                class_names,
                template,
            },
        }
    }

    /// The bytes to send beside it.
    pub fn source(&self) -> Option<SourceId> {
        match self {
            Self::LoadModel(file) | Self::LoadLearned(file) => Some(file.source),
            Self::RemoveLearned { .. } => None,
            Self::Classify { image, .. } => Some(*image),
        }
    }
}

impl State {
    /// The next thing to send; nothing while the worker is busy or away.
    pub fn next_task(&self) -> Option<Task> {
        if self.worker.phase != WorkerPhase::Ready || self.in_flight.is_some() {
            return None;
        }
        let waiting = self.model.next.as_ref();
        if let Some(ModelFile {
            stage: ModelStage::Waiting(file),
            ..
        }) = waiting
        {
            return Some(Task::LoadModel(file.clone()));
        }
        self.model.info()?;
        if let Some(name) = self.forgotten.first() {
            return Some(Task::RemoveLearned { name: name.clone() });
        }
        let waiting = |stage: &LearnedStage| *stage == LearnedStage::Waiting;
        if let Some(learned) = self.learned.iter().find(|learned| waiting(&learned.stage)) {
            return Some(Task::LoadLearned(learned.file.clone()));
        }
        let image = self.image.as_ref()?;
        self.is_thinking().then(|| Task::Classify {
            id: self.question,
            image: image.source,
            class_names: self.class_names.clone(),
            template: self.template.clone(),
        })
    }
}
