//! WebP, with alpha or without.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder};

use super::{Decoded, check_size, damaged, image_of};
use crate::views::Picture;

pub fn decode(bytes: &[u8]) -> Decoded<Picture> {
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let kind = decoder.color_type();
    let mut samples = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut samples).map_err(damaged)?;
    Ok(match kind {
        ColorType::Rgba8 => Picture::Rgba(image_of(width, height, samples)?),
        _ => Picture::Rgb(image_of(width, height, samples)?),
    })
}
