//! What models, learned files and rankings are, in plain types.

use serde::{Deserialize, Serialize};

use crate::learners::{ClassTokenPosition, Method};

/// What a model is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub image_encoder: String,
    /// Side of the square input, in pixels.
    pub image_side: usize,
    pub embed_dim: usize,
    pub context_length: usize,
    pub fingerprint: String,
    /// Threads that compute with it.
    pub threads: usize,
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
