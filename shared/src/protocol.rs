//! What the page and its worker say to each other, and what the command line
//! prints as JSON: plain types only.

use serde::{Deserialize, Serialize};

use crate::learners::{ClassTokenPosition, Method};

/// From the page to the worker. Bytes (a model, a learned file, an image) travel
/// beside the request as a transferred buffer, never inside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Open a model; the bytes are its safetensors file.
    LoadModel { name: String },
    /// Add a learned file; the bytes are `learned.safetensors`.
    LoadLearned { name: String },
    /// Forget a learned file.
    RemoveLearned { name: String },
    /// Rank the classes of an image; the bytes are the encoded image. `id` comes
    /// back with the answer, so that a late answer can be told from a new one.
    Classify {
        id: u32,
        class_names: Vec<String>,
        template: String,
    },
}

/// From the worker to the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The worker has started; nothing may be sent to it before.
    Ready,
    ModelLoaded {
        name: String,
        info: ModelInfo,
    },
    LearnedLoaded {
        info: LearnedInfo,
    },
    LearnedRemoved {
        name: String,
    },
    Classified {
        id: u32,
        classification: Classification,
    },
    /// A request failed. `id` is that of a `Classify`.
    Failed {
        id: Option<u32>,
        message: String,
        hint: Option<String>,
    },
}

/// What a model is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub image_encoder: String,
    /// Side of the square input, in pixels.
    pub image_side: usize,
    pub embed_dim: usize,
    pub context_length: usize,
    pub fingerprint: String,
}

/// What a learned file is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedInfo {
    /// The name it was loaded under.
    pub name: String,
    pub method: Method,
    /// Number of context vectors.
    pub n_ctx: usize,
    pub class_specific: bool,
    pub class_token_position: ClassTokenPosition,
    /// The words that the context started from, or the prompt of an adapter.
    pub template: Option<String>,
    /// The classes it was learned on.
    pub class_names: Vec<String>,
    pub shots: Option<usize>,
}

/// One image's answer by every learner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    pub rankings: Vec<Ranking>,
}

/// One learner's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// `zero-shot`, or the name of a learned file.
    pub name: String,
    pub method: Method,
    /// Most probable first; empty if there is a problem.
    pub classes: Vec<ClassProbability>,
    /// Why this learner cannot answer for these classes.
    pub problem: Option<String>,
}

/// A class and its probability, between 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassProbability {
    pub class: String,
    pub probability: f32,
}
