//! Class names + image features → logits: what is learned, and how it becomes
//! text features.

mod cocoop;
mod coop;
mod lora;
mod prompt;
mod zero_shot;

pub use cocoop::{CoCoOp, MetaNet};
pub use coop::{ContextInit, Coop, CoopSettings, text_features};
pub use lora::{Blocks, EncoderLora, LoraSettings, Scaling};
pub use prompt::{ClassTokenPosition, PromptTokens, Prompts};
pub use zero_shot::{DEFAULT_TEMPLATE, ZeroShot, ensemble, fill_template};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::clip::{Clip, Tokenizer};
use crate::error::Result;

/// A method of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    ZeroShot,
    Coop,
}

impl Method {
    /// The name people know it by.
    pub fn title(self) -> &'static str {
        match self {
            Self::ZeroShot => "zero-shot",
            Self::Coop => "CoOp",
        }
    }
}

/// Anything that turns class names into text features.
#[derive(Debug, Clone)]
pub enum Learner {
    ZeroShot(ZeroShot),
    Coop(Coop),
}

impl Learner {
    /// Which method it is.
    pub fn method(&self) -> Method {
        match self {
            Self::ZeroShot(_) => Method::ZeroShot,
            Self::Coop(_) => Method::Coop,
        }
    }

    /// Normalised text features `[n_classes, embed_dim]` of `class_names`.
    pub fn text_features(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Tensor> {
        match self {
            Self::ZeroShot(zero_shot) => zero_shot.text_features(clip, tokenizer, class_names),
            Self::Coop(coop) => coop.text_features_of(clip, tokenizer, class_names),
        }
    }
}
