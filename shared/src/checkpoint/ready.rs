//! What was learned with its answers ready: the text features that it gives for some
//! class names, for a model whose text encoder was left out.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::fields::{from_header, is_format, to_header};
use super::safetensors_file::{Entry, f32_bytes, write};
use crate::clip::{ClassFeatures, Clip, check_finite};
use crate::error::{Error, Result};
use crate::formats::{Checkpoint, StoredType};
use crate::learners::{
    Classifier, Coop, IMAGE, Learner, LearnerFacts, LoraFacts, Method, NamedTensors,
};

/// The value of the metadata key `format`.
pub const READY_FORMAT: &str = "clipwright-ready-1";

/// The features' name in the file.
const CLASS_FEATURES: &str = "class_features";
/// For messages.
const WHAT: &str = "the file of class features";

/// What the file says of itself: a learned file's facts, and those that its tensors would
/// tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadyMetadata {
    pub method: Method,
    /// [`crate::clip::Weights::fingerprint`] of the model that it is for.
    pub model_fingerprint: String,
    /// The class names are those of the features, in their order.
    #[serde(flatten)]
    pub facts: LearnerFacts,
    /// Training images per class; `null` means all of them.
    pub shots: Option<usize>,
    /// Number of context vectors.
    pub n_ctx: usize,
    pub class_specific: bool,
    /// The factor on the cosine.
    pub logit_scale: f64,
}

/// A learner made ready, in memory.
#[derive(Debug, Clone)]
pub struct ReadyFile {
    pub metadata: ReadyMetadata,
    /// Normalised, `[n_classes, embed_dim]`.
    class_features: Tensor,
    /// Adapters of the image encoder.
    adapters: NamedTensors,
}

impl ReadyFile {
    /// What `learner` answers with for `class_names`, by the `classifier` that it made for
    /// them; nothing if it has no features that all images share.
    pub fn new(
        learner: &Learner,
        classifier: &Classifier,
        class_names: &[String],
        model_fingerprint: &str,
        shots: Option<usize>,
    ) -> Option<Self> {
        let Classifier::Text { features, scale } = classifier else {
            return None;
        };
        let context = match learner {
            Learner::Coop(coop) => Some(coop),
            _ => None,
        };
        let facts = learner.facts();
        let adapters = learner.tensors().into_iter();
        Some(Self {
            metadata: ReadyMetadata {
                method: learner.method(),
                model_fingerprint: model_fingerprint.into(),
                facts: LearnerFacts {
                    class_names: class_names.to_vec(),
                    lora: facts.lora.map(|lora| LoraFacts { text: None, ..lora }),
                    ..facts
                },
                shots,
                n_ctx: context.map_or(0, Coop::n_ctx),
                class_specific: context.is_some_and(Coop::class_specific),
                logit_scale: *scale,
            },
            class_features: features.detach(),
            adapters: adapters
                .filter(|(name, _)| name.starts_with(IMAGE))
                .collect(),
        })
    }

    /// Whether the bytes are such a file.
    pub fn is_one(bytes: &[u8]) -> bool {
        let file = Checkpoint::read(bytes);
        file.is_ok_and(|file| is_format(READY_FORMAT, &file.metadata))
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = to_header(WHAT, READY_FORMAT, &self.metadata)?;
        let mut tensors = vec![(CLASS_FEATURES, &self.class_features)];
        tensors.extend(self.adapters.iter());
        let entry = |(name, tensor): &(&str, &Tensor)| Entry {
            name: name.to_string(),
            dtype: StoredType::F32,
            dims: tensor.dims().to_vec(),
        };
        let entries: Vec<Entry> = tensors.iter().map(entry).collect();
        let mut bytes = Vec::new();
        write(&mut bytes, &entries, &header, |at| f32_bytes(tensors[at].1))?;
        Ok(bytes)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Format`] if it is damaged or another, [`Error::NotFinite`] if it holds
    /// NaN.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file = Checkpoint::read(bytes)?;
        let metadata: ReadyMetadata = from_header(WHAT, READY_FORMAT, &file.metadata)?;
        if !metadata.logit_scale.is_finite() {
            return Err(Error::format(WHAT, "its logit scale is not finite"));
        }
        let mut class_features = None;
        let mut adapters = Vec::new();
        for (name, stored) in &file.tensors {
            let tensor = stored.to_f32_tensor()?;
            check_finite(name, &tensor)?;
            match name.as_str() {
                CLASS_FEATURES => class_features = Some(tensor),
                _ => adapters.push((name.clone(), tensor)),
            }
        }
        let missing = || Error::format(WHAT, format!("no tensor `{CLASS_FEATURES}`"));
        Ok(Self {
            metadata,
            class_features: class_features.ok_or_else(missing)?,
            adapters: adapters.into_iter().collect(),
        })
    }

    /// The features, once it is certain that they belong to `clip`.
    ///
    /// # Errors
    /// [`Error::OtherModel`] if the fingerprints differ; [`Error::TensorShape`] if the
    /// shape is another.
    pub fn class_features(&self, clip: &Clip, fingerprint: &str) -> Result<ClassFeatures> {
        if self.metadata.model_fingerprint != fingerprint {
            return Err(Error::OtherModel {
                expected: self.metadata.model_fingerprint.clone(),
                got: fingerprint.into(),
            });
        }
        let class_names = self.metadata.facts.class_names.clone();
        let features = self.class_features.to_device(clip.device())?;
        ClassFeatures::new(class_names, features, clip.config.embed_dim)
    }

    /// What it sees with, if that is not the model's own image encoder.
    ///
    /// # Errors
    /// As [`Learner::from_tensors`].
    pub fn image_adapter(&self, clip: &Clip) -> Result<Option<Learner>> {
        let ReadyMetadata { method, facts, .. } = &self.metadata;
        match facts.lora {
            Some(LoraFacts { image: Some(_), .. }) => {
                Ok(Learner::from_tensors(*method, facts, &self.adapters, clip)?.image_adapter())
            }
            _ => Ok(None),
        }
    }
}
