//! PNG, in the modes that PIL reads it in (Pillow `PngImagePlugin.py`, `_MODES`).

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Limits};

use super::{Decoded, MAX_BYTES, check_size, coloured, damaged, image_of};
use crate::views::Picture;

/// Transparency beside the pixels (`tRNS`) is left out, as by PIL's conversion to
/// RGB.
pub fn decode(bytes: &[u8]) -> Decoded<Picture> {
    let limits = Limits {
        bytes: MAX_BYTES as usize,
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = (header.width, header.height);
    check_size(width, height)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let length = reader.output_buffer_size();
    let mut samples = vec![0; length.ok_or_else(|| damaged("it has no size"))?];
    let row = reader.next_frame(&mut samples).map_err(damaged)?.line_size;
    let info = reader.info();
    let grey = |depth: usize, factor: u8| {
        let unpacked = unpack(&samples, row, width, depth);
        unpacked.into_iter().map(|value| value * factor).collect()
    };
    Ok(match (info.color_type, info.bit_depth) {
        (ColorType::Grayscale, BitDepth::One) => {
            let black_and_white = [0, 0, 0, 255, 255, 255];
            coloured(
                width,
                height,
                &unpack(&samples, row, width, 1),
                &black_and_white,
            )?
        }
        (ColorType::Grayscale, BitDepth::Two) => {
            Picture::Grey(image_of(width, height, grey(2, 85))?)
        }
        (ColorType::Grayscale, BitDepth::Four) => {
            Picture::Grey(image_of(width, height, grey(4, 17))?)
        }
        (ColorType::Grayscale, BitDepth::Eight) => Picture::Grey(image_of(width, height, samples)?),
        (ColorType::Grayscale, BitDepth::Sixteen) => {
            let samples = samples.chunks_exact(2);
            let samples = samples.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Picture::Grey16(image_of(width, height, samples.collect())?)
        }
        (ColorType::Indexed, depth) => {
            let indices = unpack(&samples, row, width, depth as usize);
            let palette = info.palette.as_deref().unwrap_or_default();
            coloured(width, height, &indices, palette)?
        }
        (ColorType::Rgb, depth) => Picture::Rgb(image_of(width, height, bytes_of(samples, depth))?),
        (ColorType::Rgba, depth) => {
            Picture::Rgba(image_of(width, height, bytes_of(samples, depth))?)
        }
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => {
            // PIL has no mode for it and takes the next.
            let pixels = samples.chunks_exact(4);
            let pixels = pixels.flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[2]]);
            Picture::Rgba(image_of(width, height, pixels.collect())?)
        }
        (ColorType::GrayscaleAlpha, _) => Picture::GreyAlpha(image_of(width, height, samples)?),
    })
}

/// One byte a sample: of two, the first.
fn bytes_of(samples: Vec<u8>, depth: BitDepth) -> Vec<u8> {
    match depth {
        BitDepth::Sixteen => samples.into_iter().step_by(2).collect(),
        _ => samples,
    }
}

/// One byte a sample, of rows of `row` bytes with `depth` bits a sample.
fn unpack(samples: &[u8], row: usize, width: u32, depth: usize) -> Vec<u8> {
    if depth == 8 {
        return samples.to_vec();
    }
    let per_byte = 8 / depth;
    let mask = (1u8 << depth) - 1;
    let rows = samples.chunks_exact(row.max(1));
    rows.flat_map(|row| {
        (0..width as usize).map(move |at| {
            let shift = 8 - depth * (at % per_byte + 1);
            row[at / per_byte] >> shift & mask
        })
    })
    .collect()
}
