//! AugMix as azshue/TPT has it (`data/augmix_ops.py`, `datautils.augmix`, after Google's
//! AugMix): PIL's operations on images, mixed after the normalisation.
//!
//! PIL cuts off fractions where torchvision rounds, takes the nearest pixel where a
//! neighbour is missing, and has another grey; so the pixels differ.

use candle_core::Tensor;
use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::{levels, neighbours};
use crate::error::{Error, Result};

/// One operation; the names are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PilOperation {
    #[serde(rename = "autocontrast")]
    AutoContrast,
    Equalize,
    Posterize,
    Rotate,
    Solarize,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Color,
    Contrast,
    Brightness,
    Sharpness,
}

impl PilOperation {
    /// The image after this operation. `level` is the reference's drawn level, from 0.1
    /// to the severity; `negative` turns round what has a direction.
    pub fn apply(self, image: &RgbImage, level: f64, negative: bool) -> RgbImage {
        let sign = if negative { -1.0 } else { 1.0 };
        let share = |most: f64| level * most / 10.0;
        // Whole numbers: the fraction is cut off.
        let whole = |most: f64| share(most).trunc();
        let factor = (share(1.8) + 0.1) as f32;
        // Of square images the reference takes the size from a constant.
        let third = f64::from(image.width()) / 3.0;
        match self {
            Self::AutoContrast => auto_contrast(image),
            Self::Equalize => levels::equalise(image),
            Self::Posterize => levels::posterise(image, 4 - whole(4.0).clamp(0.0, 4.0) as u32),
            Self::Rotate => rotate(image, sign * whole(30.0)),
            Self::Solarize => levels::solarise(image, (256.0 - whole(256.0)) as f32),
            Self::ShearX => sample(image, [1.0, sign * share(0.3), 0.0, 0.0, 1.0, 0.0]),
            Self::ShearY => sample(image, [1.0, 0.0, 0.0, sign * share(0.3), 1.0, 0.0]),
            Self::TranslateX => sample(image, [1.0, 0.0, sign * whole(third), 0.0, 1.0, 0.0]),
            Self::TranslateY => sample(image, [1.0, 0.0, 0.0, 0.0, 1.0, sign * whole(third)]),
            Self::Color => blend(image, factor, |image| map(image, |pixel| [grey(pixel); 3])),
            Self::Contrast => blend(image, factor, |image| {
                let mean = mean_grey(image);
                map(image, |_| [mean; 3])
            }),
            Self::Brightness => blend(image, factor, |image| map(image, |_| [0; 3])),
            Self::Sharpness => blend(image, factor, |image| {
                match image.width().min(image.height()) < 3 {
                    true => image.clone(),
                    false => neighbours::smooth(image),
                }
            }),
        }
    }
}

/// `kept` of a normalised image `[3, side, side]` and the rest its changed copies, each
/// with its weight: `[3, side, side]`.
///
/// # Errors
/// [`Error::Setting`] unless there is a weight for each copy.
pub fn mix(image: &Tensor, copies: &[Tensor], weights: &[f32], kept: f32) -> Result<Tensor> {
    if copies.len() != weights.len() {
        let expected = format!("{}, one for each copy", copies.len());
        return Err(Error::setting(
            "the number of weights",
            weights.len(),
            expected,
        ));
    }
    let mut mixed = image.zeros_like()?;
    for (copy, weight) in copies.iter().zip(weights) {
        mixed = (mixed + (copy * f64::from(*weight))?)?;
    }
    Ok(((image * f64::from(kept))? + (mixed * f64::from(1.0 - kept))?)?)
}

/// PIL's `ImageOps.autocontrast`.
fn auto_contrast(image: &RgbImage) -> RgbImage {
    let levels = levels::histograms(image).map(|histogram| {
        let (lowest, highest) = levels::ends(&histogram);
        if highest <= lowest {
            return levels::each(|value| value);
        }
        let scale = 255.0 / f64::from(highest - lowest);
        let offset = -f64::from(lowest) * scale;
        levels::each(|value| (f64::from(value) * scale + offset) as u8)
    });
    levels::map(image, &levels)
}

/// PIL's `convert("L")`.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let [red, green, blue] = [red, green, blue].map(u32::from);
    ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16) as u8
}

fn mean_grey(image: &RgbImage) -> u8 {
    let sum: u64 = image.pixels().map(|pixel| u64::from(grey(pixel.0))).sum();
    let count = u64::from(image.width()) * u64::from(image.height());
    (sum as f64 / count.max(1) as f64 + 0.5) as u8
}

fn map(image: &RgbImage, colour: impl Fn([u8; 3]) -> [u8; 3]) -> RgbImage {
    let mut mapped = image.clone();
    for pixel in mapped.pixels_mut() {
        pixel.0 = colour(pixel.0);
    }
    mapped
}

/// From `plain(image)` towards the image by `factor`, and beyond (PIL `Blend.c`).
fn blend(image: &RgbImage, factor: f32, plain: impl Fn(&RgbImage) -> RgbImage) -> RgbImage {
    let mut blended = plain(image);
    for (out, value) in blended.iter_mut().zip(image.iter()) {
        let (from, to) = (f32::from(*out), f32::from(*value));
        // The cast cuts off what is below zero or too large.
        *out = (from + factor * (to - from)) as u8;
    }
    blended
}

/// PIL's `Image.rotate` about the centre.
fn rotate(image: &RgbImage, degrees: f64) -> RgbImage {
    if degrees == 0.0 {
        return image.clone();
    }
    let to_15_places = |value: f64| (value * 1e15).round_ties_even() / 1e15;
    let (sine, cosine) = (-degrees).to_radians().sin_cos();
    let (sine, cosine) = (to_15_places(sine), to_15_places(cosine));
    let (x, y) = (
        f64::from(image.width()) / 2.0,
        f64::from(image.height()) / 2.0,
    );
    let right = cosine * -x + sine * -y + x;
    let down = -sine * -x + cosine * -y + y;
    sample(image, [cosine, sine, right, -sine, cosine, down])
}

/// PIL's affine transform with bilinear interpolation (`Geometry.c`): each output pixel
/// comes from where `matrix` says; outside it is black.
fn sample(image: &RgbImage, [a, b, c, d, e, f]: [f64; 6]) -> RgbImage {
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
        let from = [a * x + b * y + c, d * x + e * y + f];
        Rgb(bilinear(image, from).unwrap_or_default())
    })
}

fn bilinear(image: &RgbImage, [x, y]: [f64; 2]) -> Option<[u8; 3]> {
    let (width, height) = image.dimensions();
    let is_inside = |at: f64, length: u32| (0.0..f64::from(length)).contains(&at);
    if !is_inside(x, width) || !is_inside(y, height) {
        return None;
    }
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (right, down) = (x - left, y - top);
    let inside = |at: f64, length: u32| at.clamp(0.0, f64::from(length - 1)) as u32;
    let columns = [inside(left, width), inside(left + 1.0, width)];
    let rows = [inside(top, height), inside(top + 1.0, height)];
    let pixel = |column: usize, row: usize| image.get_pixel(columns[column], rows[row]).0;
    let corners = [[pixel(0, 0), pixel(1, 0)], [pixel(0, 1), pixel(1, 1)]];
    Some([0, 1, 2].map(|channel| {
        let [above, below] = corners.map(|row| {
            let [from, to] = row.map(|pixel| f64::from(pixel[channel]));
            from + (to - from) * right
        });
        (above + (below - above) * down) as u8
    }))
}
