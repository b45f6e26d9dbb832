//! CLIP's test transform (openai/CLIP `clip.py`, `_transform`).

use candle_core::{Device, Tensor};
use image::RgbImage;
use rayon::prelude::*;

use super::{CropBox, Filter, MAX_PIXELS, resample};
use crate::error::{Error, Result};

/// Mean of each channel in CLIP's training data.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Standard deviation of each channel in CLIP's training data.
const STANDARD_DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// The view CLIP was tested on: the short edge resized to `side` (bicubic), the
/// centre `side × side` kept.
pub fn clip_view(image: &RgbImage, side: u32) -> Result<RgbImage> {
    let (width, height) = image.dimensions();
    // torchvision truncates the long edge.
    let long =
        |long: u32, short: u32| (u64::from(side) * u64::from(long) / u64::from(short)) as u32;
    let size = match width <= height {
        true => [side, long(height, width.max(1))],
        false => [long(width, height.max(1)), side],
    };
    if u64::from(size[0]) * u64::from(size[1]) > MAX_PIXELS {
        return Err(Error::Image {
            reason: format!("is {width} × {height} pixels, too narrow to crop a centre from"),
        });
    }
    let resized = resample(image, CropBox::whole(image), size, Filter::Bicubic)?;
    let offset = |length: u32| (f64::from(length - side) / 2.0).round_ties_even() as u32;
    let centre = CropBox {
        left: offset(size[0]),
        top: offset(size[1]),
        width: side,
        height: side,
    };
    resample(&resized, centre, [side, side], Filter::Bicubic)
}

/// Square views of equal size → normalised pixels `[B, 3, side, side]` (f32).
pub fn normalise_pixels(views: &[RgbImage], device: &Device) -> Result<Tensor> {
    let side = views.first().map_or(0, |view| view.width() as usize);
    let plane = side * side;
    if let Some(odd) = views
        .iter()
        .find(|view| view.dimensions() != (side as u32, side as u32) || side == 0)
    {
        return Err(Error::setting(
            "a view's size",
            format!("{} × {}", odd.width(), odd.height()),
            format!("{side} × {side} pixels, as the first"),
        ));
    }
    let mut pixels = vec![0f32; views.len() * 3 * plane];
    pixels
        .par_chunks_mut((3 * plane).max(1))
        .zip(views)
        .for_each(|(pixels, view)| {
            for (at, pixel) in view.as_raw().chunks_exact(3).enumerate() {
                for channel in 0..3 {
                    let value = f32::from(pixel[channel]) / 255.0;
                    pixels[channel * plane + at] =
                        (value - MEAN[channel]) / STANDARD_DEVIATION[channel];
                }
            }
        });
    Ok(Tensor::from_vec(
        pixels,
        (views.len(), 3, side, side),
        device,
    )?)
}
