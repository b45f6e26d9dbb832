//! `learned.safetensors`: the learned tensors alone, with metadata that says
//! what they belong to.

use serde::{Deserialize, Serialize};

use super::fields::{from_header, to_header};
use super::safetensors_file::{Entry, f32_bytes, write};
use crate::clip::{Clip, check_finite};
use crate::error::{Error, Result};
use crate::formats::{Checkpoint, StoredType};
use crate::learners::{Learner, LearnerFacts, Method, NamedTensors};

/// The value of the metadata key `format`; a file without it is another's.
pub const LEARNED_FORMAT: &str = "clipwright-learned-1";

/// For messages.
const WHAT: &str = "the learned file";

/// What a learned file says of itself. In the safetensors header each field is
/// a key of its own, its value as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedMetadata {
    pub method: Method,
    /// [`crate::clip::Weights::fingerprint`] of the model it was learned on; `null`
    /// if that is not known, for files that came from elsewhere.
    pub model_fingerprint: Option<String>,
    #[serde(flatten)]
    pub facts: LearnerFacts,
    /// Training images per class; `null` means all of them.
    pub shots: Option<usize>,
    pub seed: u64,
    pub epochs: usize,
}

/// A learned file in memory.
#[derive(Debug, Clone)]
pub struct LearnedFile {
    pub metadata: LearnedMetadata,
    /// The tensors of its method, by name.
    pub tensors: NamedTensors,
}

impl LearnedFile {
    /// What `learner` is stored as; how it was trained is still to be filled in.
    pub fn new(learner: &Learner, model_fingerprint: Option<String>) -> Self {
        Self {
            metadata: LearnedMetadata {
                method: learner.method(),
                model_fingerprint,
                facts: learner.facts(),
                shots: None,
                seed: 0,
                epochs: 0,
            },
            tensors: learner.tensors().into_iter().collect(),
        }
    }

    /// The bytes of `learned.safetensors`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = to_header(WHAT, LEARNED_FORMAT, &self.metadata)?;
        let tensors: Vec<_> = self.tensors.iter().collect();
        let entries: Vec<Entry> = tensors
            .iter()
            .map(|(name, tensor)| Entry {
                name: name.to_string(),
                dtype: StoredType::F32,
                dims: tensor.dims().to_vec(),
            })
            .collect();
        let mut bytes = Vec::new();
        write(&mut bytes, &entries, &header, |at| f32_bytes(tensors[at].1))?;
        Ok(bytes)
    }

    /// Reads `learned.safetensors`.
    ///
    /// # Errors
    /// [`Error::Format`] if the file is damaged or not one of ours,
    /// [`Error::NotFinite`] if it holds NaN.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file = Checkpoint::read(bytes)?;
        let metadata = from_header(WHAT, LEARNED_FORMAT, &file.metadata)?;
        let mut tensors = Vec::new();
        for (name, stored) in &file.tensors {
            if stored.dtype != StoredType::F32 {
                let got = stored.dtype.name();
                let reason = format!("`{name}` is {got}; expected f32");
                return Err(Error::format(WHAT, reason));
            }
            let tensor = stored.to_f32_tensor()?;
            check_finite(name, &tensor)?;
            tensors.push((name.clone(), tensor));
        }
        Ok(Self {
            metadata,
            tensors: tensors.into_iter().collect(),
        })
    }

    /// The learner, once it is certain that it belongs to `clip`.
    ///
    /// # Errors
    /// [`Error::OtherModel`] if the fingerprints differ; [`Error::MissingTensor`],
    /// [`Error::TensorShape`] if the tensors do not fit.
    pub fn learner(&self, clip: &Clip, fingerprint: &str) -> Result<Learner> {
        let LearnedMetadata { method, facts, .. } = &self.metadata;
        match &self.metadata.model_fingerprint {
            Some(expected) if expected != fingerprint => Err(Error::OtherModel {
                expected: expected.clone(),
                got: fingerprint.into(),
            }),
            _ => Learner::from_tensors(*method, facts, &self.tensors, clip),
        }
    }
}
