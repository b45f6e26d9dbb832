//! A course's record, as a file: all that another worker needs to go on.

use std::collections::BTreeMap;

use candle_core::Tensor;
use clipwright_shared::Error;
use clipwright_shared::checkpoint::tensors_to_bytes;
use clipwright_shared::formats::Checkpoint;
use clipwright_shared::protocol::{TestScores, TrainNews};
use clipwright_shared::train::State;
use serde::{Deserialize, Serialize};

use crate::engine::Failure;

/// A course behind a whole epoch.
pub struct Record {
    pub epoch: usize,
    /// Weights and optimiser.
    pub state: State,
    /// Learned from, held out, new.
    pub features: [Option<Tensor>; 3],
    /// The prompts' features before the first step, which the map was fitted with.
    pub first_prompts: Tensor,
    pub zero_shot: TestScores,
    pub news: TrainNews,
}

/// The metadata key of all that is no tensor.
const HEADER_KEY: &str = "clipwright-course-1";

#[derive(Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    epoch: usize,
    numbers: BTreeMap<String, u64>,
    zero_shot: TestScores,
    news: TrainNews,
}

const FEATURES: [&str; 3] = ["images.learn", "images.held_out", "images.new"];
const FIRST_PROMPTS: &str = "first_prompts";
/// What the names of the state's tensors begin with.
const STATE: &str = "state.";

impl Record {
    /// The bytes of a safetensors file.
    pub fn to_bytes(&self, fingerprint: &str) -> Result<Vec<u8>, Failure> {
        let header = Header {
            fingerprint: fingerprint.into(),
            epoch: self.epoch,
            numbers: self.state.numbers.clone(),
            zero_shot: self.zero_shot,
            news: self.news.clone(),
        };
        let header = serde_json::to_string(&header);
        let header = header.map_err(|error| Error::format(WHAT, error))?;
        let metadata = BTreeMap::from([(HEADER_KEY.to_string(), header)]);
        let state = self.state.tensors.iter();
        let mut tensors: Vec<(String, Tensor)> = state
            .map(|(name, tensor)| (format!("{STATE}{name}"), tensor.clone()))
            .collect();
        for (name, features) in FEATURES.iter().zip(&self.features) {
            tensors.extend(features.iter().map(|kept| (name.to_string(), kept.clone())));
        }
        tensors.push((FIRST_PROMPTS.into(), self.first_prompts.clone()));
        let tensors: Vec<(&str, Tensor)> = tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor.clone()))
            .collect();
        Ok(tensors_to_bytes(&tensors, &metadata)?)
    }

    /// Reads a record of a course on the model of this fingerprint.
    ///
    /// # Errors
    /// If it is damaged, something else, or of another model.
    pub fn from_bytes(bytes: &[u8], fingerprint: &str) -> Result<Self, Failure> {
        let file = Checkpoint::read(bytes)?;
        let header = file.metadata.get(HEADER_KEY);
        let header = header.ok_or_else(|| Error::format(WHAT, "it has no header"))?;
        let header: Header =
            serde_json::from_str(header).map_err(|error| Error::format(WHAT, error))?;
        if header.fingerprint != fingerprint {
            return Err(Failure {
                message: format!(
                    "the course was begun on model {}; this model is {fingerprint}",
                    header.fingerprint
                ),
                hint: Some("open the model that it was begun on".into()),
            });
        }
        let mut state = State {
            numbers: header.numbers,
            ..State::default()
        };
        let mut features = [None, None, None];
        let mut first_prompts = None;
        for (name, tensor) in &file.tensors {
            let value = tensor.to_f32_tensor()?;
            if let Some(name) = name.strip_prefix(STATE) {
                state.tensors.insert(name.to_string(), value);
            } else if let Some(at) = FEATURES.iter().position(|known| known == name) {
                features[at] = Some(value);
            } else if name == FIRST_PROMPTS {
                first_prompts = Some(value);
            }
        }
        let missing = || Error::format(WHAT, format!("no `{FIRST_PROMPTS}`"));
        Ok(Self {
            epoch: header.epoch,
            state,
            features,
            first_prompts: first_prompts.ok_or_else(missing)?,
            zero_shot: header.zero_shot,
            news: header.news,
        })
    }
}

/// For messages.
const WHAT: &str = "the record of a training";
