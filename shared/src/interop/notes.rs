//! What the files of other programs have no place for, kept beside their tensors
//! where those programs do not look.

use serde::{Deserialize, Serialize};

use super::ReadOptions;
use crate::checkpoint::{LearnedFile, LearnedMetadata};
use crate::error::{Error, Result};
use crate::formats::SavedValue;
use crate::learners::{ClassTokenPosition, DEFAULT_TEMPLATE, LearnerFacts, Method};

/// The name of the notes in a file.
pub(super) const KEY: &str = "clipwright";

/// What a learned file says beside its tensors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Notes {
    class_names: Vec<String>,
    class_token_position: Option<ClassTokenPosition>,
    template: Option<String>,
    pub(super) logit_scale: Option<f64>,
    shots: Option<usize>,
    seed: u64,
    pub(super) epochs: usize,
}

impl Notes {
    pub(super) fn of(file: &LearnedFile) -> Self {
        let LearnedMetadata {
            facts,
            shots,
            seed,
            epochs,
            ..
        } = &file.metadata;
        Self {
            class_names: facts.class_names.clone(),
            class_token_position: Some(facts.class_token_position),
            template: facts.template.clone(),
            logit_scale: facts.lora.map(|lora| lora.logit_scale),
            shots: *shots,
            seed: *seed,
            epochs: *epochs,
        }
    }

    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::format("the notes", error))
    }

    /// The entry that they are in a file of PyTorch's.
    pub(super) fn saved(&self) -> Result<(String, SavedValue)> {
        Ok((KEY.into(), SavedValue::Text(self.to_json()?)))
    }

    /// Those of a file, if it has any.
    ///
    /// # Errors
    /// [`Error::Format`] if they cannot be read.
    pub(super) fn read(json: Option<&str>) -> Result<Self> {
        match json {
            None => Ok(Self::default()),
            Some(json) => serde_json::from_str(json)
                .map_err(|error| Error::format(format!("the entry `{KEY}`"), error)),
        }
    }

    /// The classes, as far as they are known.
    pub(super) fn class_names(&self, options: &ReadOptions) -> Vec<String> {
        match (&self.class_names[..], &options.class_names) {
            ([], Some(names)) => names.clone(),
            (names, _) => names.into(),
        }
    }

    /// What the learned file says of a context.
    pub(super) fn context(&self, method: Method, options: &ReadOptions) -> LearnedMetadata {
        self.metadata(
            method,
            LearnerFacts {
                class_names: self.class_names(options),
                class_token_position: self
                    .class_token_position
                    .or(options.class_token_position)
                    .unwrap_or_default(),
                template: self.template.clone(),
                lora: None,
            },
        )
    }

    /// What the learned file says of an adapter; the facts on its sizes are still to
    /// be filled in.
    pub(super) fn adapter(&self, options: &ReadOptions) -> LearnedMetadata {
        let template = options.template.clone().or(self.template.clone());
        self.metadata(
            Method::Lora,
            LearnerFacts {
                class_names: self.class_names(options),
                template: Some(template.unwrap_or_else(|| DEFAULT_TEMPLATE.into())),
                ..LearnerFacts::default()
            },
        )
    }

    fn metadata(&self, method: Method, facts: LearnerFacts) -> LearnedMetadata {
        LearnedMetadata {
            method,
            model_fingerprint: None,
            facts,
            shots: self.shots,
            seed: self.seed,
            epochs: self.epochs,
        }
    }
}
