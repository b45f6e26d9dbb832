//! Encoded bytes → RGB, with a limit on what they may unfold to.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits, RgbImage};

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
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg_has_its_end(bytes) {
        return Err(fail("is cut short: it has no end marker".into()));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    reader.limits(limits);
    let image = reader
        .decode()
        .map_err(|error| fail(format!("is damaged or cut short: {error}")))?;
    Ok(image.into_rgb8())
}

/// Whether a JPEG goes on to its end marker. The decoder fills in what is
/// missing after the header with grey, and says nothing.
fn jpeg_has_its_end(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    let is_marker = |pair: &[u8]| pair[0] == 0xff && pair[1] != 0xff && pair[1] != 0;
    let mut rest = bytes;
    // Markers are FF and a byte that is neither FF (a filler) nor 00 (FF as data).
    while let Some(at) = rest.windows(2).position(is_marker) {
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        match marker {
            END => return true,
            // Start, restarts and TEM stand alone.
            0x01 | 0xd0..=0xd8 => {}
            // Any other begins a segment that states its length; FF D9 inside of
            // it (a thumbnail's end, say) is not this image's.
            _ => {
                let length = rest
                    .first_chunk::<2>()
                    .map(|length| u16::from_be_bytes(*length));
                match length.and_then(|length| rest.get(usize::from(length)..)) {
                    Some(after) => rest = after,
                    None => return false,
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Rgb, RgbImage};

    use super::decode;

    #[test]
    fn every_format_is_read_whole_and_refused_cut() {
        let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8 * 6, y as u8 * 8, 90]));
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::WebP,
            ImageFormat::Gif,
            ImageFormat::Bmp,
        ] {
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).unwrap();
            let bytes = bytes.into_inner();
            assert_eq!(decode(&bytes).unwrap().dimensions(), (40, 30), "{format:?}");
            assert!(
                decode(&bytes[..bytes.len() / 2]).is_err(),
                "half of a {format:?}"
            );
            assert!(decode(&bytes[..20]).is_err(), "the start of a {format:?}");
        }
        assert!(decode(b"").is_err() && decode(b"no image at all, only words").is_err());
    }
}
