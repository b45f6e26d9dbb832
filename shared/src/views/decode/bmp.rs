//! BMP, its palettes kept (Pillow `BmpImagePlugin.py`).

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder};

use super::{Decoded, check_size, damaged, image_of};
use crate::views::Picture;

pub fn decode(bytes: &[u8]) -> Decoded<Picture> {
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let has_palette = decoder.get_palette().is_some();
    let is_grey = decoder
        .get_palette()
        .is_some_and(|palette| is_grey(palette, bytes));
    let kind = decoder.color_type();
    let mut samples = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut samples).map_err(damaged)?;
    Ok(match kind {
        ColorType::Rgba8 => Picture::Rgba(image_of(width, height, samples)?),
        _ if is_grey => {
            let greys = samples.into_iter().step_by(3).collect();
            Picture::Grey(image_of(width, height, greys)?)
        }
        _ if has_palette => Picture::Palette(image_of(width, height, samples)?),
        _ => Picture::Rgb(image_of(width, height, samples)?),
    })
}

/// Whether every number of a palette is its own grey: PIL sees none there. The
/// decoder fills palettes up, so the header says how many colours there are.
fn is_grey(palette: &[[u8; 3]], bytes: &[u8]) -> bool {
    let number = |at: usize| {
        let field = bytes.get(at..).and_then(|field| field.first_chunk::<4>());
        field.map_or(0, |field| u32::from_le_bytes(*field))
    };
    // The oldest header has no count of colours.
    const OLDEST: u32 = 12;
    let (bits, count) = match number(14) {
        OLDEST => (number(24) & 0xffff, 0),
        _ => (number(28) & 0xffff, number(46)),
    };
    let count = match count {
        0 => 1u32.checked_shl(bits).unwrap_or(0),
        _ => count,
    };
    let mut numbered = palette.iter().enumerate().take(count as usize);
    count > 2
        && numbered.all(|(number, colour)| colour.iter().all(|&grey| usize::from(grey) == number))
}
