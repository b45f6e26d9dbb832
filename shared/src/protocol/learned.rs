//! What was learned, in words, distances and places.

use serde::{Deserialize, Serialize};

use super::Prompts;
use crate::explain::{Explanation, NearWord};
use crate::learners::Method;

/// What to look at. The files are images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedRequest {
    /// A learned file, or zero-shot.
    pub learned: Option<String>,
    /// The class whose own context vectors are told, if each class has its own.
    pub class: Option<String>,
    pub prompts: Prompts,
    /// The page's numbers of the files, in their order. Their features are kept for the
    /// next request.
    pub images: Vec<u32>,
    /// The place among the files of the image that is shown.
    pub shown: Option<usize>,
    /// Images of the training, whose features are kept already.
    pub kept: Vec<u32>,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedAnswer {
    /// None of zero-shot, or where there is a problem.
    pub explanation: Option<Explanation>,
    /// Why there is no explanation of a learned file.
    pub problem: Option<String>,
    /// What the image that is shown does to CoCoOp's context.
    pub shift: Option<ContextShift>,
    /// How many of the classes, from the first on, the rest is about.
    pub classes: usize,
    /// Zero-shot, then each learned file.
    pub learners: Vec<LearnerPrompts>,
    pub map: LearnedMap,
}

/// How an image moves CoCoOp's context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContextShift {
    /// The norm of what is added to every vector.
    pub norm: f64,
    pub vectors: Vec<ShiftedVector>,
}

/// A context vector of one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftedVector {
    pub vector: usize,
    /// Of the vector with the shift.
    pub norm: f64,
    pub nearest: Vec<NearWord>,
}

/// One learner's prompts of the classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnerPrompts {
    /// `zero-shot`, or the name of a learned file.
    pub name: String,
    pub method: Method,
    /// Cosines between the classes, row by row: of their prompts, or of a linear probe's
    /// rows. Of zero-shot and of what is looked at; empty of others, or if there is a
    /// problem.
    pub similarity: Vec<Vec<f32>>,
    /// Why this learner has none for these classes.
    pub problem: Option<String>,
}

/// Images and prompts on a plane, in two ways.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LearnedMap {
    /// As they lie: images and prompts far from each other.
    pub apart: Places,
    /// Images around their own mean, and prompts around theirs.
    pub together: Places,
}

/// Places on a plane.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Places {
    /// The files, then the training's images; none of those that cannot be placed.
    pub images: Vec<Option<[f32; 2]>>,
    /// Learner by learner a place for each class; empty of those without prompts.
    pub prompts: Vec<Vec<[f32; 2]>>,
    /// The share of all differences that lies along each direction, between 0 and 1.
    pub shares: [f64; 2],
}
