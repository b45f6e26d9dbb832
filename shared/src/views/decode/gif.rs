//! GIF's first frame, on a canvas that holds it (Pillow `GifImagePlugin.py`).

use std::io::Cursor;

use gif::{ColorOutput, DecodeOptions, MemoryLimit};
use image::{GrayImage, Luma, imageops};

use super::{Decoded, MAX_PIXELS, check_size, coloured, damaged, image_of};
use crate::views::Picture;

pub fn decode(bytes: &[u8]) -> Decoded<Picture> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Bytes(MAX_PIXELS.try_into().map_err(damaged)?));
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(damaged)?;
    let screen = [decoder.width(), decoder.height()];
    check_size(u32::from(screen[0]), u32::from(screen[1]))?;
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder.read_next_frame().map_err(damaged)?;
    let frame = frame.ok_or_else(|| damaged("it has no frame"))?;
    let (left, top) = (u32::from(frame.left), u32::from(frame.top));
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let canvas = [
        u32::from(screen[0]).max(left + width),
        u32::from(screen[1]).max(top + height),
    ];
    check_size(canvas[0], canvas[1])?;
    let pixels = image_of(width, height, frame.buffer.to_vec())?;
    let nothing = Luma([frame.transparent.unwrap_or(0)]);
    let mut indices = GrayImage::from_pixel(canvas[0], canvas[1], nothing);
    imageops::replace(&mut indices, &pixels, i64::from(left), i64::from(top));
    let colours = frame.palette.as_ref().or(global.as_ref());
    let colours = colours.map_or(&[][..], |colours| colours);
    // A palette in which every number is its own grey is none.
    let is_its_number =
        |(number, colour): (usize, &[u8])| colour.iter().all(|value| usize::from(*value) == number);
    match colours.chunks_exact(3).enumerate().all(is_its_number) {
        true => Ok(Picture::Grey(indices)),
        false => coloured(canvas[0], canvas[1], &indices, colours),
    }
}
