//! What any method has learned, in one type: how it is stored, and how it
//! classifies.

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{
    ClassTokenPosition, Classifier, CoCoOp, Coop, LinearProbe, Lora, LoraFacts, NamedTensors,
    ZeroShot,
};
use crate::clip::{Clip, ImageEncoder, Tokenizer};
use crate::error::{Error, Result};

/// A method of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    ZeroShot,
    LinearProbe,
    Coop,
    #[serde(rename = "cocoop")]
    CoCoOp,
    Lora,
}

impl Method {
    /// The name people know it by.
    pub fn title(self) -> &'static str {
        match self {
            Self::ZeroShot => "zero-shot",
            Self::LinearProbe => "linear probe",
            Self::Coop => "CoOp",
            Self::CoCoOp => "CoCoOp",
            Self::Lora => "CLIP-LoRA",
        }
    }
}

/// What was learned.
#[derive(Debug, Clone)]
pub enum Learner {
    ZeroShot(ZeroShot),
    LinearProbe(LinearProbe),
    Coop(Coop),
    CoCoOp(CoCoOp),
    Lora(Lora),
}

/// What tensors alone do not tell of a learner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LearnerFacts {
    /// The classes it was learned on, in label order.
    pub class_names: Vec<String>,
    /// Where the class name stands among the context vectors (CoOp, CoCoOp).
    #[serde(default)]
    pub class_token_position: ClassTokenPosition,
    /// The words that a context started from, or `null` if it started from noise;
    /// the prompt that an adapter was learned with, `{}` for the class name.
    #[serde(default)]
    pub template: Option<String>,
    /// What an adapter's products are multiplied by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraFacts>,
}

impl Learner {
    /// Which method it is.
    pub fn method(&self) -> Method {
        match self {
            Self::ZeroShot(_) => Method::ZeroShot,
            Self::LinearProbe(_) => Method::LinearProbe,
            Self::Coop(_) => Method::Coop,
            Self::CoCoOp(_) => Method::CoCoOp,
            Self::Lora(_) => Method::Lora,
        }
    }

    /// The learned tensors, under the names that they are stored by.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        match self {
            Self::ZeroShot(_) => Vec::new(),
            Self::LinearProbe(probe) => probe.tensors(),
            Self::Coop(coop) => coop.tensors(),
            Self::CoCoOp(cocoop) => cocoop.tensors(),
            Self::Lora(lora) => lora.tensors(),
        }
    }

    /// What the tensors do not tell.
    pub fn facts(&self) -> LearnerFacts {
        match self {
            Self::ZeroShot(zero_shot) => LearnerFacts {
                template: zero_shot.templates().first().cloned(),
                ..LearnerFacts::default()
            },
            Self::LinearProbe(probe) => LearnerFacts {
                class_names: probe.class_names.clone(),
                ..LearnerFacts::default()
            },
            Self::Coop(coop) => coop.facts(),
            Self::CoCoOp(cocoop) => cocoop.coop.facts(),
            Self::Lora(lora) => lora.facts(),
        }
    }

    /// Rebuilds a learner for `clip` from what it was stored as.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] if it does not fit the model;
    /// [`Error::Format`] if a fact is missing or a tensor is left over.
    pub fn from_tensors(
        method: Method,
        facts: &LearnerFacts,
        tensors: &NamedTensors,
        clip: &Clip,
    ) -> Result<Self> {
        let mut tensors = tensors.to_device(clip.device())?;
        let learner = match method {
            Method::ZeroShot => {
                return Err(Error::format(
                    "the learned file",
                    "zero-shot has nothing to store",
                ));
            }
            Method::LinearProbe => {
                Self::LinearProbe(LinearProbe::from_tensors(&mut tensors, facts, clip)?)
            }
            Method::Coop => Self::Coop(Coop::from_tensors(&mut tensors, facts, clip)?),
            Method::CoCoOp => Self::CoCoOp(CoCoOp::from_tensors(&mut tensors, facts, clip)?),
            Method::Lora => Self::Lora(Lora::from_tensors(&mut tensors, facts, clip)?),
        };
        tensors.finish("the learned file")?;
        Ok(learner)
    }

    /// The image encoder that it sees with, if that is not the model's own: with
    /// adapters added into the weights.
    pub fn image_encoder(&self, clip: &Clip) -> Result<Option<ImageEncoder>> {
        match self {
            Self::Lora(lora) if !lora.adapter.image.is_empty() => {
                clip.merged_image(&lora.adapter).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Its adapters of the image encoder alone, if it has some.
    pub fn image_adapter(&self) -> Option<Self> {
        match self {
            Self::Lora(lora) if !lora.adapter.image.is_empty() => {
                let mut lora = lora.clone();
                lora.adapter.text.clear();
                lora.facts.text = None;
                Some(Self::Lora(lora))
            }
            _ => None,
        }
    }

    /// Makes it ready to tell `class_names` apart.
    ///
    /// # Errors
    /// [`Error::Setting`] if it knows only classes it was learned on, and others are
    /// asked for; [`Error::TextTooLong`].
    pub fn classifier(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Classifier> {
        match self {
            Self::ZeroShot(zero_shot) => Ok(Classifier::Text {
                features: zero_shot.text_features(clip, tokenizer, class_names)?,
                scale: clip.logit_scale()?,
            }),
            Self::Coop(coop) => Ok(Classifier::Text {
                features: coop.text_features_of(clip, tokenizer, class_names)?,
                scale: clip.logit_scale()?,
            }),
            Self::Lora(lora) => Ok(Classifier::Text {
                features: lora.text_features(clip, tokenizer, class_names)?,
                scale: lora.facts.logit_scale,
            }),
            Self::CoCoOp(cocoop) => cocoop.classifier(clip, tokenizer, class_names),
            Self::LinearProbe(probe) => probe.classifier(class_names),
        }
    }
}

/// The rows of `names` among the classes that were learned.
///
/// # Errors
/// [`Error::Setting`] if one of them was not.
pub(super) fn rows_of(
    names: &[String],
    learned: &[String],
    what: &str,
    device: &Device,
) -> Result<Tensor> {
    let row = |name: &String| {
        let found = learned.iter().position(|known| known == name);
        found.map(|row| row as u32).ok_or_else(|| {
            Error::setting(
                "a class name",
                format!("{name:?}"),
                format!("one that the {what} was learned on: {}", learned.join(", ")),
            )
        })
    };
    let rows: Vec<u32> = names.iter().map(row).collect::<Result<_>>()?;
    Ok(Tensor::new(rows, device)?)
}
