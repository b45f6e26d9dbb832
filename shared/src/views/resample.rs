//! Resizing as PIL does it, to the byte: convolution with antialias in 22-bit
//! fixed point for bytes, in double precision for 16-bit samples (Pillow
//! `src/libImaging/Resample.c`), and the nearest pixel for palettes.
//!
//! It is written here because the libraries for it come within one of a byte,
//! and a view that differs from the reference's gives other features.

#[cfg(not(target_arch = "wasm32"))]
mod lanes;

use std::ops::Range;

use image::{ImageBuffer, Pixel, RgbImage};
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

/// An image of any kind of pixel.
pub(super) type Buffer<P> = ImageBuffer<P, Vec<<P as Pixel>::Subpixel>>;

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
    check_box(image, part, [width, height])?;
    let whole = CropBox::of_size(width, height);
    Ok(resize(image, part, [width, height], whole, filter))
}

/// Refuses boxes that are empty or reach outside of `image`, and sizes of nothing.
pub(super) fn check_box(image: &RgbImage, part: CropBox, size: [u32; 2]) -> Result<()> {
    let (width, height) = image.dimensions();
    if part.is_inside(width, height) && !size.contains(&0) {
        return Ok(());
    }
    Err(Error::setting(
        "the crop box",
        format!("{part:?} to {} × {}", size[0], size[1]),
        format!("a box inside {width} × {height} pixels"),
    ))
}

/// The pixels in `window` of what `part` of `image` becomes when it is resized to
/// `size`. The boxes must lie inside of `image` and of `size`.
pub(super) fn resize<P>(
    image: &Buffer<P>,
    part: CropBox,
    size: [u32; 2],
    window: CropBox,
    filter: Filter,
) -> Buffer<P>
where
    P: Pixel<Subpixel: Sample> + 'static,
{
    if [part.width, part.height] == size {
        let (left, top) = (part.left + window.left, part.top + window.top);
        return image::imageops::crop_imm(image, left, top, window.width, window.height).to_image();
    }
    let columns = window.left..window.left + window.width;
    let rows = window.top..window.top + window.height;
    let across = Kernels::new(part.width, size[0], columns, filter).behind(part.left);
    let down = Kernels::new(part.height, size[1], rows, filter).behind(part.top);
    let (columns, rows) = (across.reach(), down.reach());
    // Pillow starts with the rows, but for an image that grows in width and
    // shrinks in height. The order shows: each pass rounds.
    match size[0] > part.width && size[1] < part.height {
        true => {
            let resized = resize_columns(image, &down, columns.clone());
            resize_rows(
                &resized,
                &across.before(columns.start),
                0..window.height as usize,
            )
        }
        false => {
            let resized = resize_rows(image, &across, rows.clone());
            resize_columns(&resized, &down.before(rows.start), 0..window.width as usize)
        }
    }
}

/// The pixels in `window` of what `image` becomes when each pixel of `size` takes
/// the nearest one (Pillow `src/libImaging/Geometry.c`, `ImagingScaleAffine`).
pub(super) fn resize_nearest(image: &RgbImage, size: [u32; 2], window: CropBox) -> RgbImage {
    // The positions are summed up, not multiplied out, as their last bits decide
    // between two pixels now and then.
    let positions = |input: u32, output: u32, window: Range<u32>| -> Vec<u32> {
        let step = f64::from(input) / f64::from(output);
        let positions = std::iter::successors(Some(step * 0.5), |at| Some(at + step));
        let window = window.start as usize..window.end as usize;
        let positions = positions.take(window.end).skip(window.start);
        positions.map(|at| (at as u32).min(input - 1)).collect()
    };
    let columns = window.left..window.left + window.width;
    let rows = window.top..window.top + window.height;
    let columns = positions(image.width(), size[0], columns);
    let rows = positions(image.height(), size[1], rows);
    RgbImage::from_fn(window.width, window.height, |x, y| {
        *image.get_pixel(columns[x as usize], rows[y as usize])
    })
}

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

/// One colour of a pixel: how it is weighted, summed and rounded.
pub(super) trait Sample: image::Primitive + 'static {
    type Weight: Copy;
    type Sum: Copy;
    /// What a sum starts from.
    const START: Self::Sum;
    fn weight(weight: f64) -> Self::Weight;
    fn add(sum: Self::Sum, sample: Self, weight: Self::Weight) -> Self::Sum;
    fn round(sum: Self::Sum) -> Self;

    /// Resizes each row to as many pixels as there are kernels.
    fn resize_rows(source: Rows<'_, Self>, kernels: &Kernels, out: &mut [Self]) {
        resize_rows_one_by_one(source, kernels, out);
    }

    /// Resizes each column of `wanted` samples to as many as there are kernels.
    fn resize_columns(
        source: Rows<'_, Self>,
        kernels: &Kernels,
        wanted: Range<usize>,
        out: &mut [Self],
    ) {
        resize_columns_one_by_one(source, kernels, wanted, out);
    }
}

/// Rows of an image: `length` samples each, `channels` of them to a pixel.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, S> {
    samples: &'a [S],
    length: usize,
    channels: usize,
}

impl<'a, S: Sample> Rows<'a, S> {
    fn of<P: Pixel<Subpixel = S>>(image: &'a Buffer<P>) -> Self {
        let channels = usize::from(P::CHANNEL_COUNT);
        Self {
            samples: image.as_raw(),
            length: image.width() as usize * channels,
            channels,
        }
    }
}

/// Fractional bits of a byte's weight.
const PRECISION: u32 = 22;

impl Sample for u8 {
    type Weight = i32;
    type Sum = i32;
    /// A half, for the rounding.
    const START: i32 = 1 << (PRECISION - 1);

    fn weight(weight: f64) -> i32 {
        let scaled = weight * f64::from(1u32 << PRECISION);
        (scaled + 0.5f64.copysign(scaled)) as i32
    }

    #[inline]
    fn add(sum: i32, sample: u8, weight: i32) -> i32 {
        sum + i32::from(sample) * weight
    }

    #[inline]
    fn round(sum: i32) -> u8 {
        (sum >> PRECISION).clamp(0, 255) as u8
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn resize_rows(source: Rows<'_, u8>, kernels: &Kernels, out: &mut [u8]) {
        lanes::resize_rows(source, kernels, out);
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn resize_columns(
        source: Rows<'_, u8>,
        kernels: &Kernels,
        wanted: Range<usize>,
        out: &mut [u8],
    ) {
        lanes::resize_columns(source, kernels, wanted, out);
    }
}

impl Sample for u16 {
    type Weight = f64;
    type Sum = f64;
    const START: f64 = 0.0;

    fn weight(weight: f64) -> f64 {
        weight
    }

    #[inline]
    fn add(sum: f64, sample: u16, weight: f64) -> f64 {
        sum + f64::from(sample) * weight
    }

    #[inline]
    fn round(sum: f64) -> u16 {
        // The cast cuts off what is below zero or too large.
        (sum + 0.5).floor() as u16
    }
}

/// For each output position, which input positions count and how much.
pub(super) struct Kernels {
    first: Vec<usize>,
    weights: Vec<Vec<f64>>,
}

impl Kernels {
    pub(super) fn new(input: u32, output: u32, window: Range<u32>, filter: Filter) -> Self {
        let scale = f64::from(input) / f64::from(output);
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let kernel = |at: u32| {
            let centre = (f64::from(at) + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(input as usize);
            let mut weights: Vec<f64> = (first..end)
                .map(|x| filter.weight((x as f64 - centre + 0.5) * (1.0 / stretch)))
                .collect();
            let total: f64 = weights.iter().sum();
            if total != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= total);
            }
            (first, weights)
        };
        let (first, weights) = window.map(kernel).unzip();
        Self { first, weights }
    }

    /// The input positions that count for any output.
    pub(super) fn reach(&self) -> Range<usize> {
        let ends = self.first.iter().zip(&self.weights);
        let end = ends.map(|(first, weights)| first + weights.len()).max();
        self.first.iter().copied().min().unwrap_or(0)..end.unwrap_or(0)
    }

    /// The same, with `margin` positions in front of the input.
    pub(super) fn behind(mut self, margin: u32) -> Self {
        self.first
            .iter_mut()
            .for_each(|first| *first += margin as usize);
        self
    }

    /// The same, with the first `cut` positions of the input gone.
    pub(super) fn before(mut self, cut: usize) -> Self {
        self.first.iter_mut().for_each(|first| *first -= cut);
        self
    }

    /// First position and weights of each output.
    fn of<S: Sample>(&self) -> Vec<(usize, Vec<S::Weight>)> {
        let kernels = self.first.iter().zip(&self.weights);
        let kernels = kernels.map(|(first, weights)| {
            (
                *first,
                weights.iter().map(|weight| S::weight(*weight)).collect(),
            )
        });
        kernels.collect()
    }
}

/// Resizes each of `rows` to as many pixels as there are kernels.
pub(super) fn resize_rows<P>(source: &Buffer<P>, kernels: &Kernels, rows: Range<usize>) -> Buffer<P>
where
    P: Pixel<Subpixel: Sample> + 'static,
{
    let mut resized = Buffer::<P>::new(kernels.first.len() as u32, rows.len() as u32);
    let mut source = Rows::of(source);
    source.samples = &source.samples[rows.start * source.length..rows.end * source.length];
    P::Subpixel::resize_rows(source, kernels, &mut resized);
    resized
}

/// Resizes each of `columns` to as many pixels as there are kernels.
pub(super) fn resize_columns<P>(
    source: &Buffer<P>,
    kernels: &Kernels,
    columns: Range<usize>,
) -> Buffer<P>
where
    P: Pixel<Subpixel: Sample> + 'static,
{
    let mut resized = Buffer::<P>::new(columns.len() as u32, kernels.first.len() as u32);
    let source = Rows::of(source);
    let wanted = columns.start * source.channels..columns.end * source.channels;
    P::Subpixel::resize_columns(source, kernels, wanted, &mut resized);
    resized
}

fn resize_rows_one_by_one<S: Sample>(source: Rows<'_, S>, kernels: &Kernels, out: &mut [S]) {
    let channels = source.channels;
    let kernels = kernels.of::<S>();
    let outs = out.chunks_exact_mut((kernels.len() * channels).max(1));
    for (out, row) in outs.zip(source.samples.chunks_exact(source.length.max(1))) {
        for (out, (first, weights)) in out.chunks_exact_mut(channels).zip(&kernels) {
            // As many sums as any pixel has colours.
            let mut sums = [S::START; 4];
            let pixels = row[first * channels..].chunks_exact(channels);
            for (pixel, weight) in pixels.zip(weights) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    *sum = Sample::add(*sum, *sample, *weight);
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = S::round(sum);
            }
        }
    }
}

fn resize_columns_one_by_one<S: Sample>(
    source: Rows<'_, S>,
    kernels: &Kernels,
    wanted: Range<usize>,
    out: &mut [S],
) {
    let mut sums = vec![S::START; wanted.len()];
    let outs = out.chunks_exact_mut(wanted.len().max(1));
    for (out, (first, weights)) in outs.zip(&kernels.of::<S>()) {
        sums.fill(S::START);
        let rows = source.samples[first * source.length..].chunks_exact(source.length.max(1));
        for (row, weight) in rows.zip(weights) {
            for (sum, sample) in sums.iter_mut().zip(&row[wanted.clone()]) {
                *sum = Sample::add(*sum, *sample, *weight);
            }
        }
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = S::round(*sum);
        }
    }
}
