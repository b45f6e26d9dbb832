//! What was learned, as a file.

mod learned;
mod model;
mod safetensors_file;

pub use learned::{LEARNED_FORMAT, LearnedFile, LearnedMetadata};
pub use model::{ModelType, model_to_bytes, tensors_to_bytes, write_changed_model, write_model};
