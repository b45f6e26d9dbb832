//! What a model file carries in place of its text encoder: the encoder's sizes, and text
//! features that it gave while it was there.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::check_finite;
use crate::error::{Error, Result};

/// What stands before the names of tensors and header entries that are clipwright's own.
pub(super) const OWN_PREFIX: &str = "clipwright.";
/// Key of a model file's header: the fingerprint of the model that it is a copy of. An
/// approximate copy, or a part, has another one of its own.
pub const FINGERPRINT_KEY: &str = "clipwright.fingerprint";
/// Key of a model file's header: the classes and templates of [`ZERO_SHOT_TENSOR`], as
/// JSON.
pub const ZERO_SHOT_KEY: &str = "clipwright.zero-shot";
/// Name of the tensor of zero-shot's class features.
pub const ZERO_SHOT_TENSOR: &str = "clipwright.class_features";

/// Class names with their text features.
#[derive(Debug, Clone)]
pub struct ClassFeatures {
    class_names: Vec<String>,
    features: Tensor, // [n_classes, embed_dim]
}

impl ClassFeatures {
    /// One normalised row of `features [n_classes, embed_dim]` for each name.
    ///
    /// # Errors
    /// [`Error::TensorShape`] for another shape, [`Error::NotFinite`] for NaN.
    pub fn new(class_names: Vec<String>, features: Tensor, embed_dim: usize) -> Result<Self> {
        let expected = [class_names.len(), embed_dim];
        if features.dims() != expected {
            return Err(Error::TensorShape {
                name: ZERO_SHOT_TENSOR.into(),
                expected: expected.as_slice().into(),
                got: features.dims().into(),
            });
        }
        let features = features.to_dtype(DType::F32)?;
        check_finite(ZERO_SHOT_TENSOR, &features)?;
        Ok(Self {
            class_names,
            features,
        })
    }

    /// The classes, in the order of rows.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Every row `[n_classes, embed_dim]`.
    pub fn all(&self) -> &Tensor {
        &self.features
    }

    /// The rows `[class_names, embed_dim]` of these classes, in their order.
    ///
    /// # Errors
    /// [`Error::NoTextEncoder`] if one of them is not among those that are carried.
    pub fn of(&self, class_names: &[String]) -> Result<Tensor> {
        let row = |name: &String| {
            let found = self.class_names.iter().position(|carried| carried == name);
            found
                .map(|row| row as u32)
                .ok_or_else(|| Error::NoTextEncoder {
                    asked: format!("the class name {name:?}"),
                    carried: self.class_names.clone(),
                })
        };
        let rows: Vec<u32> = class_names.iter().map(row).collect::<Result<_>>()?;
        let rows = Tensor::new(rows, self.features.device())?;
        Ok(self.features.index_select(&rows, 0)?)
    }
}

/// Zero-shot's class features, with the templates that they were made with.
#[derive(Debug, Clone)]
pub struct CarriedZeroShot {
    pub templates: Vec<String>,
    pub classes: ClassFeatures,
}

/// The header's description of [`CarriedZeroShot`].
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Description {
    class_names: Vec<String>,
    templates: Vec<String>,
}

impl CarriedZeroShot {
    /// The value of [`ZERO_SHOT_KEY`].
    pub fn to_header(&self) -> Result<String> {
        let description = Description {
            class_names: self.classes.class_names.clone(),
            templates: self.templates.clone(),
        };
        serde_json::to_string(&description).map_err(|error| Error::format(ZERO_SHOT_KEY, error))
    }

    /// What a header's `json` and the tensor beside it say.
    ///
    /// # Errors
    /// [`Error::Format`], and as [`ClassFeatures::new`].
    pub(super) fn from_header(json: &str, features: Tensor, embed_dim: usize) -> Result<Self> {
        let description: Description =
            serde_json::from_str(json).map_err(|error| Error::format(ZERO_SHOT_KEY, error))?;
        Ok(Self {
            templates: description.templates,
            classes: ClassFeatures::new(description.class_names, features, embed_dim)?,
        })
    }
}
