//! Encoded bytes → a picture in PIL's mode, with a limit on what they may unfold
//! to.
//!
//! The bytes are those that Pillow 13 decodes to, JPEG and lossy WebP included. Of
//! 2 850 JPEGs that were compared (grey, RGB and CMYK, baseline, progressive and
//! arithmetic, all usual subsamplings, restarts, qualities from 1 to 100) and 530
//! WebPs none differs in a byte. What does differ: CMYK whose inks are stored
//! more coarsely (by up to 14, mostly at the right edge) and 16-bit BMPs (by 1).
//! JPEGs whose colours are finer than their brightness are refused, and so is
//! CMYK with coarse black.

mod bmp;
mod gif;
mod jpeg;
mod png;
mod webp;

use image::ImageFormat;

use super::Picture;
use crate::error::{Error, Result};

/// Most pixels an image may have (2²⁶: 8192 × 8192, 200 MB as RGB). A file of a
/// few bytes can claim more than any machine holds.
pub const MAX_PIXELS: u64 = 1 << 26;

/// Most bytes a decoder may take: 16-bit RGBA, and as much again for its work.
const MAX_BYTES: u64 = 16 * MAX_PIXELS;

/// Decodes PNG, JPEG, WebP, GIF (its first frame) or BMP.
///
/// The format is recognised by content, not by name. As in the reference, the
/// EXIF orientation is not applied.
///
/// # Errors
/// [`Error::Image`] if the bytes are no image, are cut short, or would have
/// more than [`MAX_PIXELS`].
pub fn decode(bytes: &[u8]) -> Result<Picture> {
    let picture = match image::guess_format(bytes) {
        _ if bytes.is_empty() => Err("is an empty file".into()),
        Ok(ImageFormat::Png) => png::decode(bytes),
        Ok(ImageFormat::Jpeg) => jpeg::decode(bytes),
        Ok(ImageFormat::Gif) => gif::decode(bytes),
        Ok(ImageFormat::Bmp) => bmp::decode(bytes),
        Ok(ImageFormat::WebP) => webp::decode(bytes),
        _ => Err("is in no format that is read here".into()),
    };
    picture.map_err(|reason| Error::Image { reason })
}

/// What is wrong with an image, to be said behind its name.
type Decoded<T> = std::result::Result<T, String>;

/// Refuses images without pixels and those with too many.
fn check_size(width: u32, height: u32) -> Decoded<()> {
    match u64::from(width) * u64::from(height) {
        1..=MAX_PIXELS => Ok(()),
        _ => Err(format!(
            "claims to be {width} × {height} pixels; expected between 1 and {MAX_PIXELS} in all"
        )),
    }
}

/// Says that decoding failed.
fn damaged(error: impl std::fmt::Display) -> String {
    format!("is damaged or cut short: {error}")
}

/// An image of as many samples as `width`, `height` and the kind of pixel ask for.
fn image_of<P: image::Pixel>(
    width: u32,
    height: u32,
    samples: Vec<P::Subpixel>,
) -> Decoded<image::ImageBuffer<P, Vec<P::Subpixel>>> {
    let image = image::ImageBuffer::from_raw(width, height, samples);
    image.ok_or_else(|| damaged("too few pixels"))
}

/// The colours of `indices` in a palette of three bytes each; black for those that
/// it does not have.
fn coloured(width: u32, height: u32, indices: &[u8], palette: &[u8]) -> Decoded<Picture> {
    let (colours, _) = palette.as_chunks::<3>();
    let colour = |index: &u8| {
        colours
            .get(usize::from(*index))
            .copied()
            .unwrap_or_default()
    };
    let samples = indices.iter().flat_map(colour).collect();
    Ok(Picture::Palette(image_of(width, height, samples)?))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Rgb, RgbImage};

    use super::decode;

    const FORMATS: [ImageFormat; 5] = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
    ];

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8 * 6, y as u8 * 8, 90]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_format_is_read_whole_and_refused_cut() {
        for format in FORMATS {
            let bytes = encoded(format);
            let whole = decode(&bytes).unwrap();
            assert_eq!(whole.dimensions(), (40, 30), "{format:?}");
            for length in 0..bytes.len() {
                // What is missing at the very end may be no pixels.
                match decode(&bytes[..length]) {
                    Ok(cut) => assert!(cut == whole, "{length} bytes of a {format:?}"),
                    Err(error) => assert!(error.hint().is_some()),
                }
            }
            let half = &bytes[..bytes.len() / 2];
            assert!(decode(half).is_err(), "half of a {format:?}");
        }
        assert!(decode(b"").is_err() && decode(b"no image at all, only words").is_err());
    }

    #[test]
    fn images_that_claim_too_many_pixels_are_refused() {
        let claims = |bytes: &[u8], what: &str| {
            let error = decode(bytes).unwrap_err().to_string();
            assert!(error.contains("claims to be"), "{what}: {error}");
        };
        let mut png = encoded(ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
        png[29..33].copy_from_slice(&PNG_CHECKSUM);
        claims(&png, "PNG");
        let mut gif = encoded(ImageFormat::Gif);
        gif[6..10].fill(0xff);
        claims(&gif, "GIF");
        let mut bmp = encoded(ImageFormat::Bmp);
        bmp[18..26].copy_from_slice(&[0, 0x28, 0, 0, 0, 0x28, 0, 0]);
        claims(&bmp, "BMP");
        let mut jpeg = encoded(ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]);
        let size = frame.unwrap() + 5;
        jpeg[size..size + 4].fill(0xf0);
        claims(&jpeg, "JPEG");
        // Lossless WebP: 14 bits for each edge, less one.
        let mut webp = encoded(ImageFormat::WebP);
        webp[21..25].copy_from_slice(&0x0fff_ffff_u32.to_le_bytes());
        claims(&webp, "WebP");
    }

    /// Of the header chunk with 100 000 × 100 000 pixels.
    const PNG_CHECKSUM: [u8; 4] = [0x27, 0x30, 0x9c, 0x9f];
}
