//! What was learned, as a file.

mod learned;

pub use learned::{LearnedFile, LearnedMetadata};
