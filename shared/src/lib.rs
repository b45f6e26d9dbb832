//! CLIP, prompts and learners: what the native trainer and the page stand on.
//!
//! One natural way for the data:
//!
//! ```text
//! image bytes ─ views ─ image encoder ─ image features ─┐
//!                                                       ├─ logits ─ probabilities ─ metrics
//! class names ─ tokens ─ prompts ─ text encoder ─ text features ─┘
//! ```
//!
//! Training is a loop over that way. Bytes, seeds and devices come in as
//! arguments: there is no file system, network, clock or print in this crate.

pub mod checkpoint;
pub mod clip;
mod error;
pub mod eval;
pub mod learners;
pub mod ops;
pub mod protocol;
pub mod session;
pub mod train;
pub mod views;

pub use error::{Dims, Error, Result};
pub use session::Session;
