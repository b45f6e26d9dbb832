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
//! ```
//! use candle_core::Device;
//! use clipwright_shared::{Session, views};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../static");
//! let weights = std::fs::read(format!("{assets}/model/tiny.safetensors"))?;
//! let mut session = Session::from_bytes(&weights, &Device::Cpu)?;
//! let picture = std::fs::read(format!("{assets}/samples/yellow-plain-cross.png"))?;
//! let names = ["yellow plain cross", "red striped diamond"].map(String::from);
//! let answer = session.classify(&views::decode(&picture)?, &names, &["a photo of a {}.".into()])?;
//! assert_eq!(answer.rankings[0].classes[0].class, "yellow plain cross");
//! # Ok(())
//! # }
//! ```
//!
//! Training is a loop over that way. Bytes, seeds and devices come in as
//! arguments: there is no file system, network, clock or print in this crate.

pub mod checkpoint;
pub mod clip;
mod error;
pub mod eval;
pub mod explain;
pub mod formats;
pub mod interop;
pub mod learners;
pub mod ops;
mod parallel;
pub mod protocol;
pub mod session;
pub mod train;
pub mod tuning;
pub mod views;

pub use error::{Dims, Error, Result};
pub use parallel::threads;
pub use session::Session;
