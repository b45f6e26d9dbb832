//! What was learned, as a file.

mod fields;
mod learned;
mod model;
mod quantise;
mod ready;
mod safetensors_file;

pub use learned::{LEARNED_FORMAT, LearnedFile, LearnedMetadata};
pub use model::{
    ModelForm, ModelType, model_to_bytes, tensors_to_bytes, write_model, write_model_as,
};
pub use ready::{READY_FORMAT, ReadyFile, ReadyMetadata};
