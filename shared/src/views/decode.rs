//! Encoded bytes → RGB, with a limit on what they may unfold to.

use std::io::Cursor;

use image::{ImageReader, Limits, RgbImage};

use crate::error::{Error, Result};

/// Most pixels an image may have (2²⁶: 8192 × 8192, 200 MB as RGB). A file of a
/// few bytes can claim more than any machine holds.
pub const MAX_PIXELS: u64 = 1 << 26;

/// Decodes PNG, JPEG, WebP, GIF (its first frame) or BMP.
///
/// The format is recognised by content, not by name. As in the reference, the
/// EXIF orientation is not applied and transparency is dropped.
///
/// # Errors
/// [`Error::Image`] if the bytes are no image, are cut short, or would have
/// more than [`MAX_PIXELS`].
pub fn decode(bytes: &[u8]) -> Result<RgbImage> {
    let fail = |reason: String| Error::Image { reason };
    if bytes.is_empty() {
        return Err(fail("is an empty file".into()));
    }
    let reader = || {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        let reader = reader.map_err(|error| fail(format!("cannot be read: {error}")))?;
        match reader.format() {
            Some(_) => Ok(reader),
            None => Err(fail("is in no format that is read here".into())),
        }
    };
    let (width, height) = reader()?
        .into_dimensions()
        .map_err(|error| fail(format!("is damaged: {error}")))?;
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(fail(format!(
            "claims to be {width} × {height} pixels; expected between 1 and {MAX_PIXELS} in all"
        )));
    }
    let mut reader = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    reader.limits(limits);
    let image = reader
        .decode()
        .map_err(|error| fail(format!("is damaged or cut short: {error}")))?;
    Ok(image.into_rgb8())
}
