//! A training's snapshot, as a file: everything that the rest of it depends on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clipwright_shared::checkpoint::tensors_to_bytes;
use clipwright_shared::clip::Clip;
use clipwright_shared::formats::Checkpoint;
use clipwright_shared::learners::{Learner, LearnerFacts, Method};
use clipwright_shared::train::State;
use serde::{Deserialize, Serialize};

use super::Best;
use crate::problem::problem;

/// Where a training is.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Epochs done.
    pub epochs: usize,
    /// Steps done.
    pub steps: usize,
    /// Weights, optimiser, and how many steps took from the random streams. The streams
    /// themselves are named by seed, epoch and image, so nothing of them is kept.
    pub state: State,
    pub best: Option<Best>,
    /// Epochs in a row that did not improve.
    pub impatience: usize,
}

/// The metadata key of all that is no tensor.
const HEADER_KEY: &str = "clipwright-training-1";

#[derive(Serialize, Deserialize)]
struct Header {
    epochs: usize,
    steps: usize,
    impatience: usize,
    numbers: BTreeMap<String, u64>,
    best: Option<BestHeader>,
}

#[derive(Serialize, Deserialize)]
struct BestHeader {
    epoch: usize,
    /// The bits of the number: one that ties with it must not win after a resume.
    accuracy_bits: u64,
    method: Method,
    facts: LearnerFacts,
}

/// What the names of the best weights begin with.
const BEST: &str = "best.";

impl Snapshot {
    /// The bytes of a safetensors file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let best = self.best.as_ref().map(|best| BestHeader {
            epoch: best.epoch,
            accuracy_bits: best.accuracy.to_bits(),
            method: best.learner.method(),
            facts: best.learner.facts(),
        });
        let header = Header {
            epochs: self.epochs,
            steps: self.steps,
            impatience: self.impatience,
            numbers: self.state.numbers.clone(),
            best,
        };
        let metadata = BTreeMap::from([(HEADER_KEY.to_string(), serde_json::to_string(&header)?)]);
        let state = self.state.tensors.iter();
        let mut tensors: Vec<_> = state
            .map(|(name, tensor)| (name.clone(), tensor.clone()))
            .collect();
        if let Some(best) = &self.best {
            let learned = best.learner.tensors().into_iter();
            tensors.extend(learned.map(|(name, tensor)| (format!("{BEST}{name}"), tensor)));
        }
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor.clone()))
            .collect();
        Ok(tensors_to_bytes(&tensors, &metadata)?)
    }

    /// Reads a snapshot of a training on `clip`.
    ///
    /// # Errors
    /// If the file is damaged, or is something else.
    pub fn from_bytes(bytes: &[u8], clip: &Clip) -> Result<Self> {
        let file = Checkpoint::read(bytes)?;
        let header = file.metadata.get(HEADER_KEY).ok_or_else(|| {
            problem(
                "this is no checkpoint of a training",
                "start anew with --overwrite",
            )
        })?;
        let header: Header =
            serde_json::from_str(header).context("the checkpoint's header cannot be read")?;
        let mut state = State {
            numbers: header.numbers,
            ..State::default()
        };
        let mut best = Vec::new();
        for (name, tensor) in &file.tensors {
            let value = tensor.to_f32_tensor()?;
            match name.strip_prefix(BEST) {
                Some(name) => best.push((name.to_string(), value)),
                None => {
                    state.tensors.insert(name.clone(), value);
                }
            }
        }
        let best = header.best.map(|header| -> Result<Best> {
            let tensors = best.into_iter().collect();
            Ok(Best {
                epoch: header.epoch,
                accuracy: f64::from_bits(header.accuracy_bits),
                learner: Learner::from_tensors(header.method, &header.facts, &tensors, clip)?,
            })
        });
        Ok(Self {
            epochs: header.epochs,
            steps: header.steps,
            impatience: header.impatience,
            state,
            best: best.transpose()?,
        })
    }
}
