//! The model and the learned files, and how far each has come.

use clipwright_shared::protocol::{LearnedInfo, ModelInfo};

use super::{Problem, SourceId};

/// A file whose bytes the page holds.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFile {
    pub source: SourceId,
    /// The name it is loaded under.
    pub name: String,
    pub bytes: u64,
}

/// The open model and the one that is to take its place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelSlot {
    pub open: Option<ModelFile>,
    pub next: Option<ModelFile>,
    /// Why the last one did not open.
    pub problem: Option<Problem>,
    /// Times that the embedded model was asked for; each starts a download.
    pub attempt: u32,
    /// Fingerprint of the last model that was open.
    pub fingerprint: Option<String>,
}

/// A model and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    pub name: String,
    pub stage: ModelStage,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ModelStage {
    Fetching {
        received: u64,
        total: Option<u64>,
    },
    /// Here, and the worker is to open it.
    Waiting(StoredFile),
    Open(StoredFile, ModelInfo),
}

impl ModelFile {
    pub fn waiting(file: StoredFile) -> Self {
        Self {
            name: file.name.clone(),
            stage: ModelStage::Waiting(file),
        }
    }

    /// The file, if its bytes are here.
    pub fn file(&self) -> Option<&StoredFile> {
        match &self.stage {
            ModelStage::Fetching { .. } => None,
            ModelStage::Waiting(file) | ModelStage::Open(file, _) => Some(file),
        }
    }

    pub fn source(&self) -> Option<SourceId> {
        self.file().map(|file| file.source)
    }
}

impl ModelSlot {
    /// What the open model is.
    pub fn info(&self) -> Option<&ModelInfo> {
        match &self.open.as_ref()?.stage {
            ModelStage::Open(_, info) => Some(info),
            _ => None,
        }
    }

    /// Whether the model on its way is still being downloaded.
    pub fn is_fetching(&self) -> bool {
        matches!(
            &self.next,
            Some(ModelFile {
                stage: ModelStage::Fetching { .. },
                ..
            })
        )
    }
}

/// A learned file and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    pub file: StoredFile,
    pub stage: LearnedStage,
    /// What it is, once it has been open; kept while a new worker opens it.
    pub info: Option<LearnedInfo>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LearnedStage {
    /// The worker is to open it.
    Waiting,
    Open,
    Refused(Problem),
}
