//! Test-time prompt tuning: one unlabelled image, many views of it, one step on the
//! context (Shu et al. 2022, "Test-Time Prompt Tuning for Zero-Shot Generalization in
//! Vision-Language Models"; azshue/TPT), with the losses and patches of the project's
//! notebook.
//!
//! ```text
//! image ─ Augmenter ─ views ─ image encoder ─ features ─┐
//!                                                       ├─ logits ─ Loss ─ one step on the context
//! class names ─ Coop ─ prompts ─ text encoder ─ text ───┘
//! ```

mod augmenter;
mod confidence;
mod losses;
mod settings;
mod tuned;
mod tuner;

pub use augmenter::{Augmenter, View, ViewKind};
pub use confidence::{
    entropy, entropy_of_mean, kept_of, mean_log_distribution, most_confident, select_confident,
};
pub use losses::{Layout, Loss, Selection};
pub use settings::TuningSettings;
pub use tuned::{SeenView, Tuned};
pub use tuner::Tuner;

#[cfg(test)]
mod tests;
