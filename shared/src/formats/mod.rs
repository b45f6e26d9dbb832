//! Files of tensors, read as data: safetensors, and what PyTorch saves.
//!
//! A [`Checkpoint`] borrows the file's bytes (a mapping, or a buffer in the
//! browser) and copies nothing until a tensor is asked for. Nothing here knows
//! what a CLIP is.

mod element;
mod kind;
mod outline;
mod positions;
mod quantised;
mod safetensors_file;
mod stored;
mod stored_type;
mod torch;

pub use outline::Outline;
pub use quantised::{INT8_KEY, INT8_NOTE, SCALE, scale_name};
pub use stored::StoredTensor;
pub use stored_type::StoredType;
pub use torch::{SavedValue, torch_archive};

use std::collections::BTreeMap;

use crate::error::Result;

/// What a file of tensors holds.
#[derive(Debug)]
pub struct Checkpoint<'a> {
    pub container: Container,
    /// Every tensor by its name in the file. Nested dictionaries are joined
    /// with dots: `state_dict.ctx`, `optimizer.state.0.momentum_buffer`.
    pub tensors: BTreeMap<String, StoredTensor<'a>>,
    /// safetensors' `__metadata__`.
    pub metadata: BTreeMap<String, String>,
    /// Numbers, texts and flags beside the tensors, by their joined names.
    pub values: BTreeMap<String, serde_json::Value>,
}

/// The kind of file, recognised by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    Safetensors,
    /// `torch.save` since 1.6: a zip archive.
    TorchZip,
    /// `torch.save` before 1.6: pickles one after the other.
    TorchLegacy,
    /// `torch.jit.save`: an archive with code beside the data. The code is
    /// never looked at.
    TorchScript,
}

impl<'a> Checkpoint<'a> {
    /// Reads a file of any kind that [`Container`] knows.
    ///
    /// # Errors
    /// [`crate::Error::WrongFile`] if it is something else, [`crate::Error::Format`] if it is
    /// cut or damaged, [`crate::Error::ForeignCode`] if it asks for code to be run.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        if torch::is_archive(bytes) {
            torch::read_archive(bytes)
        } else if torch::is_legacy(bytes) {
            torch::read_legacy(bytes)
        } else if safetensors_file::is_safetensors(bytes) {
            safetensors_file::read(bytes)
        } else {
            Err(kind::unknown(bytes))
        }
    }
}
