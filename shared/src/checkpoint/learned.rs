//! `learned.safetensors`: the learned tensors alone, with metadata that says
//! what they belong to.

use std::collections::BTreeMap;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::safetensors_file::{Entry, f32_bytes, write};
use crate::clip::{Clip, check_finite};
use crate::error::{Dims, Error, Result};
use crate::formats::{Checkpoint, StoredType};
use crate::learners::{ClassTokenPosition, Coop, Learner, Method};

/// The value of the metadata key `format`; a file without it is another's.
pub const LEARNED_FORMAT: &str = "clipwright-learned-1";
/// The tensor of a context, under the name that CoOp gave it.
const CONTEXT: &str = "ctx";

/// What a learned file says of itself. In the safetensors header each field is
/// a key of its own, its value as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedMetadata {
    pub method: Method,
    /// [`crate::clip::Weights::fingerprint`] of the model it was learned on.
    pub model_fingerprint: String,
    /// The classes it was learned on, in label order.
    pub class_names: Vec<String>,
    pub class_token_position: ClassTokenPosition,
    /// The words the context started from, or `null` if it started from noise.
    pub template: Option<String>,
    /// Training images per class; `null` means all of them.
    pub shots: Option<usize>,
    pub seed: u64,
    pub epochs: usize,
}

/// A learned file in memory.
#[derive(Debug, Clone)]
pub struct LearnedFile {
    pub metadata: LearnedMetadata,
    /// `[n_ctx, width]`, or `[n_classes, n_ctx, width]` if class-specific.
    pub context: Tensor,
}

impl LearnedFile {
    /// The bytes of `learned.safetensors`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let fail = |error: &dyn std::fmt::Display| Error::format("the learned file", error);
        let mut header = BTreeMap::from([("format".to_string(), LEARNED_FORMAT.to_string())]);
        let fields = serde_json::to_value(&self.metadata).map_err(|error| fail(&error))?;
        for (key, value) in fields.as_object().into_iter().flatten() {
            header.insert(key.clone(), value.to_string());
        }
        let entry = Entry {
            name: CONTEXT.into(),
            dtype: StoredType::F32,
            dims: self.context.dims().to_vec(),
        };
        let mut bytes = Vec::new();
        write(&mut bytes, &[entry], &header, |_| f32_bytes(&self.context))?;
        Ok(bytes)
    }

    /// Reads `learned.safetensors`.
    ///
    /// # Errors
    /// [`Error::Format`] if the file is damaged or not one of ours,
    /// [`Error::NotFinite`] if it holds NaN.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let fail = |error: &dyn std::fmt::Display| Error::format("the learned file", error);
        let file = Checkpoint::read(bytes)?;
        let mut fields = serde_json::Map::new();
        for (key, value) in &file.metadata {
            if let Ok(value) = serde_json::from_str(value) {
                fields.insert(key.clone(), value);
            }
        }
        let format = file.metadata.get("format");
        if format.is_none_or(|format| format != LEARNED_FORMAT) {
            let found = format.map_or("none".into(), |format| format!("{format:?}"));
            return Err(fail(&format!(
                "its format is {found}; expected \"{LEARNED_FORMAT}\""
            )));
        }
        let metadata: LearnedMetadata =
            serde_json::from_value(fields.into()).map_err(|error| fail(&error))?;
        let stored = file.tensors.get(CONTEXT);
        let stored = stored.ok_or_else(|| fail(&format!("`{CONTEXT}` is missing")))?;
        if stored.dtype != StoredType::F32 {
            let got = stored.dtype.name();
            return Err(fail(&format!("`{CONTEXT}` is {got}; expected f32")));
        }
        let context = stored.to_f32_tensor()?;
        check_finite(CONTEXT, &context)?;
        Ok(Self { metadata, context })
    }

    /// The learner, once it is certain that it belongs to `clip`.
    ///
    /// # Errors
    /// [`Error::OtherModel`] if the fingerprints differ, [`Error::TensorShape`]
    /// if the context does not fit.
    pub fn learner(&self, clip: &Clip, fingerprint: &str) -> Result<Learner> {
        if self.metadata.model_fingerprint != fingerprint {
            return Err(Error::OtherModel {
                expected: self.metadata.model_fingerprint.clone(),
                got: fingerprint.into(),
            });
        }
        let dims = self.context.dims();
        let width = clip.text.width();
        let classes = self.metadata.class_names.len();
        let fits = match *dims {
            [n_ctx, columns] => n_ctx > 0 && columns == width,
            [rows, n_ctx, columns] => rows == classes && n_ctx > 0 && columns == width,
            _ => false,
        };
        if !fits {
            return Err(Error::TensorShape {
                name: CONTEXT.into(),
                expected: Dims(vec![classes, 4, width]),
                got: dims.into(),
            });
        }
        Ok(Learner::Coop(Coop {
            context: self.context.to_device(clip.log_logit_scale.device())?,
            position: self.metadata.class_token_position,
            class_names: self.metadata.class_names.clone(),
        }))
    }
}
