//! Views of an image: patches, crops, mixtures, each with its prediction.

use serde::{Deserialize, Serialize};

use super::Prompts;
use crate::tuning::{Augmenter, ViewKind};
use crate::views::CropBox;
use crate::views::augmix::AugMixDraw;

/// Which views, and what to compare them with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewsRequest {
    pub augmenter: Augmenter,
    /// Names the random draws.
    pub seed: u64,
    /// A learned file, or zero-shot.
    pub learned: Option<String>,
    pub prompts: Prompts,
}

/// The views of an image. Their pixels travel beside as RGBA, one view after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewsAnswer {
    /// Width and height of the image, in pixels; the boxes are within.
    pub width: u32,
    pub height: u32,
    /// Width and height of each view, in pixels.
    pub side: u32,
    /// The first is the image as CLIP sees it.
    pub views: Vec<ViewOfImage>,
}

/// One view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewOfImage {
    pub kind: ViewKind,
    pub source: CropBox,
    pub is_flipped: bool,
    /// How it was mixed, if it was.
    pub mixed: Option<AugMixDraw>,
    /// Of the prediction, in nats.
    pub entropy: f32,
    /// One number a class, in the order of the request.
    pub probabilities: Vec<f32>,
}
