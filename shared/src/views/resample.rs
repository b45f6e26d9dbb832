//! Resizing as PIL does it, to the byte: convolution with antialias in 22-bit
//! fixed point (Pillow `src/libImaging/Resample.c`).
//!
//! It is written here because the libraries for it come within one of a byte,
//! and a view that differs from the reference's gives other features.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::CropBox;
use crate::error::{Error, Result};

/// The interpolation kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// PIL's bicubic: Catmull-Rom, a = −0.5.
    Bicubic,
    /// PIL's bilinear: a triangle.
    Bilinear,
}

/// Cuts `part` out of `image` and resizes it to `width × height` pixels.
///
/// # Errors
/// [`Error::Setting`] if the box is empty or reaches outside the image.
pub fn resample(
    image: &RgbImage,
    part: CropBox,
    [width, height]: [u32; 2],
    filter: Filter,
) -> Result<RgbImage> {
    let (image_width, image_height) = image.dimensions();
    let inside = part.width > 0
        && part.height > 0
        && part
            .left
            .checked_add(part.width)
            .is_some_and(|right| right <= image_width)
        && part
            .top
            .checked_add(part.height)
            .is_some_and(|bottom| bottom <= image_height);
    if !inside || width == 0 || height == 0 {
        return Err(Error::setting(
            "the crop box",
            format!("{part:?} to {width} × {height}"),
            format!("a box inside {image_width} × {image_height} pixels"),
        ));
    }
    // A crop of its own first: the kernel must not see pixels outside the box.
    let cut;
    let source = if part == CropBox::whole(image) {
        image
    } else {
        let view = image::imageops::crop_imm(image, part.left, part.top, part.width, part.height);
        cut = view.to_image();
        &cut
    };
    if source.dimensions() == (width, height) {
        return Ok(source.clone());
    }
    let (source_width, source_height) = source.dimensions();
    let across = Kernels::new(source_width, width, filter);
    let down = Kernels::new(source_height, height, filter);
    // Pillow starts with the rows, but for an image that grows in width and
    // shrinks in height. The order shows: each pass rounds to bytes.
    Ok(match width > source_width && height < source_height {
        true => resize_rows(&resize_columns(source, &down), &across),
        false => resize_columns(&resize_rows(source, &across), &down),
    })
}

/// Colours of a pixel.
const CHANNELS: usize = 3;

/// Fractional bits of a weight.
const PRECISION: u32 = 22;

impl Filter {
    /// Distance from the centre beyond which the kernel is zero.
    fn support(self) -> f64 {
        match self {
            Self::Bicubic => 2.0,
            Self::Bilinear => 1.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    }
}

/// For each output position, which input positions count and how much.
struct Kernels {
    first: Vec<usize>,
    weights: Vec<Vec<i32>>,
}

impl Kernels {
    fn new(input: u32, output: u32, filter: Filter) -> Self {
        let scale = f64::from(input) / f64::from(output);
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let kernel = |at: u32| {
            let centre = (f64::from(at) + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(input as usize);
            let weights: Vec<f64> = (first..end)
                .map(|x| filter.weight((x as f64 - centre + 0.5) * (1.0 / stretch)))
                .collect();
            let total: f64 = weights.iter().sum();
            let fixed = |weight: f64| {
                let weight = if total == 0.0 { weight } else { weight / total };
                let scaled = weight * f64::from(1u32 << PRECISION);
                (scaled + 0.5f64.copysign(scaled)) as i32
            };
            (first, weights.into_iter().map(fixed).collect())
        };
        let (first, weights) = (0..output).map(kernel).unzip();
        Self { first, weights }
    }
}

/// A sum of weighted bytes, rounded; it starts from [`HALF`].
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

/// Resizes each row to as many pixels as there are kernels.
fn resize_rows(source: &RgbImage, kernels: &Kernels) -> RgbImage {
    let row_length = source.width() as usize * CHANNELS;
    let mut resized = RgbImage::new(kernels.first.len() as u32, source.height());
    let rows = source.as_raw().chunks_exact(row_length);
    for (out, row) in resized
        .chunks_exact_mut(kernels.first.len() * CHANNELS)
        .zip(rows)
    {
        let kernels = kernels.first.iter().zip(&kernels.weights);
        for (out, (first, weights)) in out.chunks_exact_mut(CHANNELS).zip(kernels) {
            let mut sums = [HALF; CHANNELS];
            let pixels = row[first * CHANNELS..].chunks_exact(CHANNELS);
            for (pixel, weight) in pixels.zip(weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            out.copy_from_slice(&sums.map(to_byte));
        }
    }
    resized
}

/// Resizes each column to as many pixels as there are kernels.
fn resize_columns(source: &RgbImage, kernels: &Kernels) -> RgbImage {
    let row_length = source.width() as usize * CHANNELS;
    let mut resized = RgbImage::new(source.width(), kernels.first.len() as u32);
    let mut sums = vec![HALF; row_length];
    let kernels = kernels.first.iter().zip(&kernels.weights);
    for (out, (first, weights)) in resized.chunks_exact_mut(row_length).zip(kernels) {
        sums.fill(HALF);
        let rows = source.as_raw()[first * row_length..].chunks_exact(row_length);
        for (row, weight) in rows.zip(weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        for (byte, sum) in out.iter_mut().zip(&sums) {
            *byte = to_byte(*sum);
        }
    }
    resized
}
