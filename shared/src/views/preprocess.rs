//! CLIP's test transform (openai/CLIP `clip.py`, `_transform`).

use candle_core::{Device, Tensor};
use image::RgbImage;

use super::resample::resize;
use super::{CropBox, Filter, MAX_PIXELS, Picture};
use crate::clip::{MEAN, STANDARD_DEVIATION};
use crate::error::{Error, Result};
use crate::parallel::*;

/// The view CLIP was tested on: the short edge resized to `side` (bicubic), the
/// centre `side × side` kept, then converted to RGB.
///
/// # Errors
/// [`Error::Image`] if the picture is far too narrow for it.
pub fn clip_view(picture: &Picture, side: u32) -> Result<RgbImage> {
    let (width, height) = picture.dimensions();
    let (size, centre) = centre(width, height, side)?;
    Ok(picture.resized(size, centre).into_rgb())
}

/// The same of an image that was converted to RGB before, as CoOp's reader does.
///
/// # Errors
/// [`Error::Image`] if the image is far too narrow for it.
pub fn clip_view_of_rgb(image: &RgbImage, side: u32) -> Result<RgbImage> {
    let (width, height) = image.dimensions();
    view_of(image, CropBox::of_size(width, height), side)
}

/// The same of what lies in a box.
pub(crate) fn view_of(image: &RgbImage, part: CropBox, side: u32) -> Result<RgbImage> {
    let (size, centre) = centre(part.width, part.height, side)?;
    Ok(resize(image, part, size, centre, Filter::Bicubic))
}

/// The size with a short edge of `side`, and the box at its centre.
fn centre(width: u32, height: u32, side: u32) -> Result<([u32; 2], CropBox)> {
    // torchvision cuts off the fraction of the long edge.
    let long = u64::from(side) * u64::from(width.max(height)) / u64::from(width.min(height).max(1));
    let long = u32::try_from(long)
        .ok()
        .filter(|long| u64::from(*long) <= MAX_PIXELS);
    let Some(long) = long.filter(|_| width.min(height) > 0 && side > 0) else {
        return Err(Error::Image {
            reason: format!("is {width} × {height} pixels, too narrow to crop a centre from"),
        });
    };
    let size = match width <= height {
        true => [side, long],
        false => [long, side],
    };
    let offset = |length: u32| (f64::from(length - side) / 2.0).round_ties_even() as u32;
    let centre = CropBox {
        left: offset(size[0]),
        top: offset(size[1]),
        width: side,
        height: side,
    };
    Ok((size, centre))
}

/// Square views of equal size → pixels `[B, 3, side, side]` (f32), normalised as
/// OpenAI's models ask for.
pub fn normalise_pixels(views: &[RgbImage], device: &Device) -> Result<Tensor> {
    normalise_pixels_by(views, MEAN, STANDARD_DEVIATION, device)
}

/// Square views of equal size → pixels `[B, 3, side, side]` (f32): each channel
/// less its mean, divided by its standard deviation.
pub fn normalise_pixels_by(
    views: &[RgbImage],
    mean: [f32; 3],
    standard_deviation: [f32; 3],
    device: &Device,
) -> Result<Tensor> {
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
    let tables: [[f32; 256]; 3] = std::array::from_fn(|channel| {
        let normalised =
            |byte: usize| (byte as f32 / 255.0 - mean[channel]) / standard_deviation[channel];
        std::array::from_fn(normalised)
    });
    let mut pixels = vec![0f32; views.len() * 3 * plane];
    pixels
        .par_chunks_mut((3 * plane).max(1))
        .zip(views)
        .for_each(|(pixels, view)| {
            let (red, others) = pixels.split_at_mut(plane);
            let (green, blue) = others.split_at_mut(plane);
            let planes = red.iter_mut().zip(green).zip(blue);
            for (((red, green), blue), pixel) in planes.zip(view.as_raw().chunks_exact(3)) {
                *red = tables[0][usize::from(pixel[0])];
                *green = tables[1][usize::from(pixel[1])];
                *blue = tables[2][usize::from(pixel[2])];
            }
        });
    Ok(Tensor::from_vec(
        pixels,
        (views.len(), 3, side, side),
        device,
    )?)
}
