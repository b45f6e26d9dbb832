//! What was learned, in numbers and words that people can read: the words nearest to
//! context vectors (KaiyangZhou/CoOp `interpret_prompt.py`), how far a meta-net moves
//! them, how much an adapter changes each layer.

mod adapter;
mod context;
mod plane;
mod probe;
mod spectrum;

use serde::{Deserialize, Serialize};

pub use adapter::LayerChange;
pub use context::{ContextVector, MetaNetNorms, NearWord};
pub use plane::Plane;
pub use probe::{NearClass, ProbeClass};

use crate::checkpoint::LearnedFile;
use crate::clip::{Clip, Tokenizer};
use crate::error::Result;
use crate::learners::Method;

/// What is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainSettings {
    /// How many of the nearest words or classes are named.
    pub nearest: usize,
    /// The classes whose own vectors are shown; the first few if none is named.
    pub classes: Vec<String>,
    /// How many classes are shown if none is named.
    pub most_classes: usize,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Explanation {
    /// Context vectors: CoOp's, CoCoOp's.
    Context {
        method: Method,
        /// Vector by vector; class by class if each class has its own.
        vectors: Vec<ContextVector>,
        /// The mean Euclidean norm of the model's token embeddings, if a model is
        /// there.
        mean_token_norm: Option<f64>,
        meta_net: Option<MetaNetNorms>,
    },
    /// Layer by layer.
    Adapter { layers: Vec<LayerChange> },
    /// Class by class.
    Probe { classes: Vec<ProbeClass> },
}

/// Explains a learned file; a model adds what only it can tell, and must be the one
/// that the file was learned on.
///
/// # Errors
/// [`crate::Error::Setting`] for a class that the file does not know,
/// [`crate::Error::Format`] if it is not complete.
pub fn explain(
    file: &LearnedFile,
    model: Option<(&Clip, &Tokenizer)>,
    settings: &ExplainSettings,
) -> Result<Explanation> {
    match file.metadata.method {
        Method::Lora => adapter::explain(file, model.map(|(clip, _)| clip)),
        Method::LinearProbe => probe::explain(file, settings),
        _ => context::explain(file, model, settings),
    }
}
