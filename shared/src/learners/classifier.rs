//! A learner and a list of class names, made ready: image features → logits.

use candle_core::Tensor;

use super::{CoCoOp, Prompts, text_features};
use crate::clip::{Clip, logits, normalise};
use crate::error::Result;
use crate::ops;

/// Image features → logits.
#[derive(Debug, Clone)]
pub enum Classifier {
    /// The cosine with one text feature for each class.
    Text {
        /// Normalised, `[n_classes, embed_dim]`.
        features: Tensor,
        /// The factor on the cosine.
        scale: f64,
    },
    /// The cosine with text features that each image has of its own.
    PerImage(Box<PerImage>),
    /// A linear layer on the image features as they are.
    Linear {
        weight: Tensor, // [n_classes, embed_dim]
        bias: Tensor,   // [n_classes]
    },
}

/// What text features of each image are made with.
#[derive(Debug, Clone)]
pub struct PerImage {
    pub clip: Clip,
    pub cocoop: CoCoOp,
    pub prompts: Prompts,
}

impl Classifier {
    /// Image features `[B, embed_dim]`, as the encoder gives them → logits
    /// `[B, n_classes]`.
    pub fn logits(&self, image_features: &Tensor) -> Result<Tensor> {
        match self {
            Self::Text { features, scale } => logits(&normalise(image_features)?, features, *scale),
            Self::PerImage(own) => {
                let features = normalise(image_features)?;
                Ok(own
                    .cocoop
                    .logits(&own.clip, &own.prompts, &features)?
                    .detach())
            }
            Self::Linear { weight, bias } => Ok(ops::linear(image_features, weight, Some(bias))?),
        }
    }

    /// Normalised text features `[n_classes, embed_dim]` that one image, of features
    /// `[1, embed_dim]`, is compared with; nothing where there are no texts, or where
    /// each image has its own and there is none.
    pub fn text_features_for(&self, image_features: Option<&Tensor>) -> Result<Option<Tensor>> {
        match (self, image_features) {
            (Self::Text { features, .. }, _) => Ok(Some(features.clone())),
            (Self::PerImage(own), Some(image)) => {
                let context = own.cocoop.contexts(&normalise(image)?)?.get(0)?;
                let features = text_features(&own.clip, &own.prompts, &context)?;
                Ok(Some(features.detach()))
            }
            _ => Ok(None),
        }
    }

    /// Normalised text features `[n_classes, embed_dim]`, where all images share them.
    pub fn text_features(&self) -> Option<&Tensor> {
        match self {
            Self::Text { features, .. } => Some(features),
            _ => None,
        }
    }
}
