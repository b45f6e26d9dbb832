//! JPEG, equal to libjpeg-turbo.

use libjpeg_turbo_rs::common::types::FrameHeader;
use libjpeg_turbo_rs::{DecodeLimits, Decoder, PixelFormat};

use super::{Decoded, MAX_BYTES, check_size, damaged, image_of};
use crate::views::Picture;

/// Most passes over a progressive image.
const MAX_SCANS: usize = 256;

pub fn decode(bytes: &[u8]) -> Decoded<Picture> {
    let limits = DecodeLimits {
        max_memory: Some(MAX_BYTES),
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::new_with_limits(bytes, limits).map_err(damaged)?;
    let header = decoder.header();
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    check_size(width, height)?;
    if header.precision != 8 {
        let bits = header.precision;
        return Err(format!("has {bits} bits for a colour; expected 8"));
    }
    let format = match header.components.len() {
        1 => PixelFormat::Grayscale,
        3 => PixelFormat::Rgb,
        4 if is_regular(header) => PixelFormat::Cmyk,
        colours => {
            return Err(format!(
                "has {colours} colours in a layout that is not read"
            ));
        }
    };
    decoder.set_output_format(format);
    let samples = decoder.decode_image().map_err(damaged)?.data;
    Ok(match format {
        PixelFormat::Grayscale => Picture::Grey(image_of(width, height, samples)?),
        PixelFormat::Rgb => Picture::Rgb(image_of(width, height, samples)?),
        // The inks are stored as what they leave white, as by Adobe's programs.
        _ => {
            let inks = samples.into_iter().map(|white| 255 - white);
            Picture::Cmyk(image_of(width, height, inks.collect())?)
        }
    })
}

/// Whether the first and the last of four colours are whole and the two between
/// equally coarse: the decoder takes this for granted.
fn is_regular(header: &FrameHeader) -> bool {
    let coarseness = |at: usize| {
        let colour = &header.components[at];
        [colour.horizontal_sampling, colour.vertical_sampling]
    };
    let [whole, between] = [coarseness(0), coarseness(1)];
    let divides = |at: usize| between[at] > 0 && whole[at].is_multiple_of(between[at]);
    coarseness(2) == between && coarseness(3) == whole && divides(0) && divides(1)
}
