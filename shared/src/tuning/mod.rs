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
mod in_turn;
mod losses;
mod preset;
mod seen;
mod settings;
mod tuned;
mod tuner;

pub use augmenter::{Augmenter, View, ViewKind, view_seed};
pub use confidence::{
    entropy, entropy_of_mean, kept_of, mean_log_distribution, most_confident, select_confident,
};
pub use in_turn::ViewsInTurn;
pub use losses::{Layout, Loss, Selection};
pub use preset::Preset;
pub use settings::TuningSettings;
pub use tuned::{SeenView, Tuned, TuningPoint};
pub use tuner::{Tuner, Tuning};

#[cfg(test)]
mod tests;
