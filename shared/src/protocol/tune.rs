//! Test-time prompt tuning of one image, step by step.

use serde::{Deserialize, Serialize};

use super::Prompts;
use crate::learners::ClassTokenPosition;
use crate::tuning::{Augmenter, TuningPoint, TuningSettings, ViewKind};
use crate::views::CropBox;

/// What to tune on an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneRequest {
    pub augmenter: Augmenter,
    /// Names the random draws of the views.
    pub seed: u64,
    pub settings: TuningSettings,
    /// The learned context to start from; without one, the words of the first template.
    pub learned: Option<String>,
    pub prompts: Prompts,
}

/// What tuning does: told after every step, and once more with the pixels of the views
/// beside, as RGBA, one view after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneAnswer {
    /// Width and height of each view, in pixels.
    pub side: u32,
    /// The first is the image as CLIP sees it.
    pub views: Vec<TunedView>,
    pub context: TunedContext,
    /// The start, and where each step led.
    pub points: Vec<TuningPoint>,
}

/// One view that is tuned on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TunedView {
    pub kind: ViewKind,
    /// Where in the image it comes from.
    pub source: CropBox,
    pub is_flipped: bool,
    pub is_mixed: bool,
}

/// The context that was tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TunedContext {
    pub n_ctx: usize,
    /// Each class has its own: vectors are told class by class.
    pub class_specific: bool,
    /// What each vector was at the start; empty if the start was learned.
    pub words: Vec<String>,
    pub class_token_position: ClassTokenPosition,
}
