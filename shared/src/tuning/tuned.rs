//! What tuning on one image came to: plain values.

use serde::{Deserialize, Serialize};

/// What tuning on one image came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// The loss before each step, in nats.
    pub losses: Vec<f32>,
    /// Logits of the image with the context it started from, by class.
    pub base: Vec<f32>,
    /// The same with the tuned context.
    pub tuned: Vec<f32>,
    /// The tuned context, vector by vector; a class-specific one class by class.
    pub context: Vec<Vec<f32>>,
    /// How far each of its vectors moved (Euclidean).
    pub moved: Vec<f32>,
    /// What each view said before the first step, in the order of views.
    pub views: Vec<SeenView>,
}

/// Where the tuning on one image is: at the start, or behind some steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuningPoint {
    /// The loss there, in nats: what the next step would make smaller.
    pub loss: f32,
    /// The image's distribution over the classes.
    pub probabilities: Vec<f32>,
    /// How far each vector of the context is from where it started (Euclidean).
    pub moved: Vec<f32>,
    /// What each view says, in the order of views.
    pub views: Vec<SeenView>,
}

/// What one view said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeenView {
    /// Its most likely class.
    pub class: usize,
    /// That class's probability.
    pub confidence: f32,
    /// The entropy of its prediction, in nats.
    pub entropy: f32,
    /// Whether it counted in the loss.
    pub is_selected: bool,
}

impl Tuned {
    /// The views that counted in the loss.
    pub fn selected(&self) -> impl Iterator<Item = usize> {
        let views = self.views.iter().enumerate();
        views.filter(|(_, view)| view.is_selected).map(|(at, _)| at)
    }
}
