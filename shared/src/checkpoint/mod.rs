//! What was learned, as a file.

mod learned;
mod model;
mod safetensors_file;

pub use learned::{LEARNED_FORMAT, LearnedFile, LearnedMetadata};
pub use model::model_to_bytes;
pub use safetensors_file::serialise;
