//! Resizing as torchvision does it with tensors, rounded once at the end.

use image::{Rgb32FImage, RgbImage};

use super::resample::{Kernels, Sample, check_box, resize_columns, resize_rows};
use super::{CropBox, Filter};
use crate::error::Result;

/// Cuts `part` out of `image` and resizes it to `width × height` pixels with
/// antialias, in single precision (PyTorch `UpSampleKernel.cpp` for floating-point
/// tensors, which torchvision makes of bytes). PIL, which rounds after each pass,
/// differs by up to 9 where bicubic weights overshoot; PyTorch's order of adding
/// shows in a byte now and then.
///
/// # Errors
/// [`Error::Setting`](crate::Error::Setting) if the box is empty or reaches outside
/// the image.
pub fn resample_as_tensor(
    image: &RgbImage,
    part: CropBox,
    [width, height]: [u32; 2],
    filter: Filter,
) -> Result<RgbImage> {
    check_box(image, part, [width, height])?;
    let mut floats = Rgb32FImage::new(image.width(), image.height());
    for (float, byte) in floats.iter_mut().zip(image.iter()) {
        *float = f32::from(*byte);
    }
    let across = Kernels::new(part.width, width, 0..width, filter).behind(part.left);
    let down = Kernels::new(part.height, height, 0..height, filter).behind(part.top);
    let rows = down.reach();
    let wide = resize_rows(&floats, &across, rows.clone());
    let resized = resize_columns(&wide, &down.before(rows.start), 0..width as usize);
    let mut bytes = RgbImage::new(width, height);
    for (byte, sample) in bytes.iter_mut().zip(resized.iter()) {
        // The cast cuts off what is below zero or too large.
        *byte = sample.round_ties_even() as u8;
    }
    Ok(bytes)
}

impl Sample for f32 {
    type Weight = f32;
    type Sum = f32;
    const START: f32 = 0.0;

    fn weight(weight: f64) -> f32 {
        weight as f32
    }

    #[inline]
    fn add(sum: f32, sample: f32, weight: f32) -> f32 {
        sum + sample * weight
    }

    #[inline]
    fn round(sum: f32) -> f32 {
        sum
    }
}
