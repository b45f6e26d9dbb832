//! Learning a context in the page.

use serde::{Deserialize, Serialize};

use crate::learners::{ClassTokenPosition, Method};

/// Goes on with a course, or begins it.
///
/// The answer is an [`Answer::Trained`](super::Answer::Trained) with the news of the
/// last whole epoch; beside it travel the bytes of its `learned.safetensors` and behind
/// them those of a record, from which another worker can go on: it goes beside the next
/// request as a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainRequest {
    /// The course's number, of the page's choice. A course that the worker knows goes on
    /// where it was; another one takes its place.
    pub course: u32,
    pub plan: TrainPlan,
    /// The classes that are learned.
    pub class_names: Vec<String>,
    /// Classes that are only tested on, as names never seen.
    pub new_class_names: Vec<String>,
    /// For zero-shot, which the course is compared with.
    pub templates: Vec<String>,
    /// What is learned from, with places in `class_names`.
    pub learn: Vec<Example>,
    /// What is tested on after each epoch, with places in `class_names`.
    pub held_out: Vec<Example>,
    /// The same of the new classes, with places in `new_class_names`.
    pub new: Vec<Example>,
    /// Answer when so many epochs are done. The plan may be longer.
    pub until: usize,
}

/// An image whose features are kept, and its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    pub image: u32,
    pub label: usize,
}

/// What is learned, and how: CoOp's and CoCoOp's published training (SGD with momentum,
/// a cosine behind one epoch at 1e-5) on image features that are the same in every epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// CoOp or CoCoOp.
    pub method: Method,
    /// Number of context vectors, if they start from noise.
    pub n_ctx: usize,
    /// The words that the context starts from, one vector each; from noise if empty.
    pub words: String,
    pub position: ClassTokenPosition,
    /// Each class its own context (CoOp from noise).
    pub class_specific: bool,
    /// Length of the whole course.
    pub epochs: usize,
    /// The learning rate behind the first epoch.
    pub lr: f64,
    /// Images of a step.
    pub batch: usize,
    /// Names the first context and the orders of the images.
    pub seed: u64,
}

/// How a course goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainNews {
    pub course: u32,
    /// Epochs done; 0 before the first step.
    pub epoch: usize,
    /// What the epoch's steps saw; none before the first.
    pub seen: Option<Seen>,
    /// With what has been learned so far.
    pub test: TestScores,
    /// Told once, with epoch 0.
    pub start: Option<CourseStart>,
    /// Places of the classes' prompts on a map, those of new classes behind.
    pub prompts: Vec<[f32; 2]>,
    /// Bytes of `learned.safetensors` among those beside the answer.
    pub learned_bytes: usize,
}

/// What an epoch's steps saw, before their updates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Mean over the epoch's images, in nats.
    pub loss: f64,
    /// Share of the epoch's images that were recognised.
    pub accuracy: f64,
    pub lr: f64,
}

/// Shares of images recognised that were not learned from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// Of the held-out images, among the classes that are learned.
    pub base: Option<f64>,
    /// Of the new classes' images, among the new classes.
    pub new: Option<f64>,
    /// Harmonic mean of both.
    pub harmonic: Option<f64>,
}

/// What is known before the first step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CourseStart {
    /// What words alone reach.
    pub zero_shot: TestScores,
    /// Places of the images on the map: learned from, held out, new.
    pub images: Vec<[f32; 2]>,
}
