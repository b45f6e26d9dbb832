//! The model and the learned files, and how far each has come.

use clipwright_shared::protocol::{LearnedInfo, ModelInfo};

use super::{Problem, SourceId};

/// A model or a learned file: one file or several, whose bytes the page holds or
/// knows where to fetch.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFile {
    /// The name it is loaded under.
    pub name: String,
    /// In all; 0 where that is not known.
    pub bytes: u64,
    /// Its weights, and the configurations beside them.
    pub parts: Vec<FilePart>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// With its extension: a `.json` is a configuration.
    pub name: String,
    pub source: SourceId,
}

impl FilePart {
    pub fn new(name: impl Into<String>, source: SourceId) -> Self {
        let name = name.into();
        Self { name, source }
    }
}

impl StoredFile {
    /// A single file.
    pub fn single(name: impl Into<String>, bytes: u64, source: SourceId) -> Self {
        let name = name.into();
        Self {
            parts: vec![FilePart::new(name.clone(), source)],
            name,
            bytes,
        }
    }

    /// Where its bytes are.
    pub fn sources(&self) -> impl Iterator<Item = SourceId> + '_ {
        self.parts.iter().map(|part| part.source)
    }
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
    /// Its server is to answer.
    Asked,
    /// Here, or on its way, and the worker is to open it.
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

    /// The file, if its bytes are to be had.
    pub fn file(&self) -> Option<&StoredFile> {
        match &self.stage {
            ModelStage::Asked => None,
            ModelStage::Waiting(file) | ModelStage::Open(file, _) => Some(file),
        }
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

    /// Whether the next model was asked for and nothing has answered yet.
    pub fn is_fetching(&self) -> bool {
        matches!(
            &self.next,
            Some(ModelFile {
                stage: ModelStage::Asked,
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
