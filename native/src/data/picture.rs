//! Images as files: read, decoded, and named when that fails.

use std::path::Path;

use anyhow::{Context, Result};
use clipwright_shared::views::{Picture, RgbImage, decode};

/// Reads and decodes one picture.
///
/// # Errors
/// If the file cannot be read or is no picture; the message names the file.
pub fn read_picture(path: &Path) -> Result<Picture> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    decode(&bytes).with_context(|| path.display().to_string())
}

/// Reads one image of a data set. It is RGB before anything is made of it, as in
/// Dassl (`dassl/utils/tools.py`, `read_image`).
///
/// # Errors
/// As [`read_picture`].
pub fn read_image(path: &Path) -> Result<RgbImage> {
    Ok(read_picture(path)?.into_rgb())
}
