//! Text files, read with an error that says where they are no text.

use std::path::Path;

use anyhow::{Context, Result};

use crate::problem::problem;

/// The text of a UTF-8 file, without a byte order mark.
///
/// # Errors
/// If the file cannot be read, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        problem(
            format!("{} is not UTF-8 text: byte {at} is wrong", path.display()),
            "save the file as UTF-8",
        )
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.into(),
        None => text,
    })
}
