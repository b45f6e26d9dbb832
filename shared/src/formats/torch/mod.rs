//! What PyTorch saves: pickles that describe tensors, with their bytes beside.
//!
//! A pickle is a program for a small machine that can call any function. Here it
//! is run as far as it builds data, and calls nothing.

mod archive;
mod flatten;
mod globals;
mod legacy;
mod machine;
mod pickle;
mod save;
mod scalar;
mod storage;
mod value;

pub(super) use archive::{is_archive, read as read_archive};
pub(super) use legacy::{is_legacy, read as read_legacy};
pub use save::{SavedValue, torch_archive};

use crate::error::Error;

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::format("the PyTorch file", reason)
}

/// A name from a file as a message shows it: its beginning, on one line.
fn shown(name: &str) -> String {
    const MOST: usize = 120;
    let mut shown: String = name
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if name.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
