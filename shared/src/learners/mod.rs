//! Class names + image features → logits: what is learned, and how it becomes
//! text features.

mod classifier;
mod cocoop;
mod coop;
mod learner;
mod linear_probe;
mod lora;
mod named_tensors;
mod prompt;
mod templates;
mod zero_shot;

pub use classifier::Classifier;
pub use cocoop::{CoCoOp, MetaNet};
pub use coop::{ContextInit, Coop, CoopSettings, text_features, text_features_of_each};
pub use learner::{Learner, LearnerFacts, Method};
pub use linear_probe::LinearProbe;
pub use lora::{Blocks, EncoderLora, Lora, LoraFacts, LoraSettings, Scaling};
pub(crate) use lora::{IMAGE, TEXT, names as adapter_names};
pub use named_tensors::NamedTensors;
pub use prompt::{ClassTokenPosition, PromptTokens, Prompts};
pub use templates::IMAGENET_TEMPLATES_SELECT;
pub use zero_shot::{DEFAULT_TEMPLATE, ZeroShot, ensemble, fill_template};
