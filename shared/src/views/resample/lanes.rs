//! Bytes resized some at a time, in loops that a compiler makes SIMD code of. Whole
//! numbers add up to the same whatever the order: the bytes are those of the plain loops.

use std::ops::Range;

use multiversion::multiversion;

use super::{Kernels, Rows, Sample};

/// Samples of a row that are weighted at once.
const LANES: usize = 16;

/// Rows that are resized one behind another by the same weights.
const ROWS: usize = 8;

/// Samples of neighbouring columns that are weighted at once.
const COLUMNS: usize = 64;

/// Weights of each output, as many times as a pixel has samples, a whole number of lanes.
struct Taps {
    /// First pixel of each output.
    first: Vec<usize>,
    weights: Vec<i32>,
    /// Weights of one output.
    length: usize,
}

impl Taps {
    /// For pixels of `samples` samples, the first of which is that at `start`.
    fn new(kernels: &Kernels, start: usize, samples: usize) -> Self {
        let most = kernels.weights.iter().map(Vec::len).max().unwrap_or(0);
        let length = (most * samples).next_multiple_of(LANES);
        let mut weights = vec![0; length * kernels.first.len()];
        for (taps, kernel) in weights.chunks_exact_mut(length).zip(&kernels.weights) {
            for (taps, weight) in taps.chunks_exact_mut(samples).zip(kernel) {
                taps.fill(u8::weight(*weight));
            }
        }
        Self {
            first: kernels.first.iter().map(|first| first - start).collect(),
            weights,
            length,
        }
    }
}

pub(super) fn resize_rows(source: Rows<'_, u8>, kernels: &Kernels, out: &mut [u8]) {
    let channels = source.channels;
    // Four samples a pixel divide the lanes, three do not.
    let samples = channels.next_power_of_two();
    let reach = kernels.reach();
    let taps = Taps::new(kernels, reach.start, samples);
    let stride = reach.len() * samples + taps.length;
    let mut wide = vec![0; ROWS * stride];
    let read = reach.start * channels..reach.end * channels;
    let rows = source.samples.chunks(ROWS * source.length.max(1));
    let outs = out.chunks_mut((ROWS * taps.first.len() * channels).max(1));
    for (out, rows) in outs.zip(rows) {
        for (wide, row) in wide
            .chunks_exact_mut(stride)
            .zip(rows.chunks_exact(source.length))
        {
            widen(&row[read.clone()], channels, wide);
        }
        weigh_rows(&wide, stride, &taps, channels, out);
    }
}

/// Three samples a pixel become four; what the last one is does not matter.
fn widen(row: &[u8], channels: usize, wide: &mut [u8]) {
    if channels != 3 {
        return wide[..row.len()].copy_from_slice(row);
    }
    let pixels = row.len() / 3;
    for (at, wide) in wide.chunks_exact_mut(4).take(pixels).enumerate() {
        match row[3 * at..].first_chunk::<4>() {
            Some(samples) => wide.copy_from_slice(samples),
            None => wide[..3].copy_from_slice(&row[3 * at..]),
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn weigh_rows(wide: &[u8], stride: usize, taps: &Taps, channels: usize, out: &mut [u8]) {
    match channels {
        1 => weigh_pixels::<1, 1>(wide, stride, taps, out),
        2 => weigh_pixels::<2, 2>(wide, stride, taps, out),
        3 => weigh_pixels::<3, 4>(wide, stride, taps, out),
        _ => weigh_pixels::<4, 4>(wide, stride, taps, out),
    }
}

/// Pixels of `SAMPLES` samples → `CHANNELS` of them.
#[inline(always)]
fn weigh_pixels<const CHANNELS: usize, const SAMPLES: usize>(
    wide: &[u8],
    stride: usize,
    taps: &Taps,
    out: &mut [u8],
) {
    let out_length = taps.first.len() * CHANNELS;
    let weights = taps.weights.chunks_exact(taps.length);
    for (at, (first, weights)) in taps.first.iter().zip(weights).enumerate() {
        let (weights, _) = weights.as_chunks::<LANES>();
        let rows = wide.chunks_exact(stride);
        for (out, row) in out.chunks_exact_mut(out_length).zip(rows) {
            let mut sums = [0i32; LANES];
            let (samples, _) = row[first * SAMPLES..].as_chunks::<LANES>();
            for (samples, weights) in samples.iter().zip(weights) {
                for lane in 0..LANES {
                    let product = i32::from(samples[lane]).wrapping_mul(weights[lane]);
                    sums[lane] = sums[lane].wrapping_add(product);
                }
            }
            let mut pixel = [u8::START; SAMPLES];
            for sums in sums.chunks_exact(SAMPLES) {
                for channel in 0..SAMPLES {
                    pixel[channel] = pixel[channel].wrapping_add(sums[channel]);
                }
            }
            let out = &mut out[at * CHANNELS..][..CHANNELS];
            for channel in 0..CHANNELS {
                out[channel] = u8::round(pixel[channel]);
            }
        }
    }
}

pub(super) fn resize_columns(
    source: Rows<'_, u8>,
    kernels: &Kernels,
    wanted: Range<usize>,
    out: &mut [u8],
) {
    let outs = out.chunks_exact_mut(wanted.len().max(1));
    for (out, (first, weights)) in outs.zip(&kernels.of::<u8>()) {
        let from = first * source.length + wanted.start;
        weigh_columns(&source.samples[from..], source.length, weights, out);
    }
}

/// The samples that lie below each other → one row of them.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn weigh_columns(samples: &[u8], length: usize, weights: &[i32], out: &mut [u8]) {
    let (blocks, rest) = out.as_chunks_mut::<COLUMNS>();
    let behind = blocks.len() * COLUMNS;
    for (at, out) in blocks.iter_mut().enumerate() {
        let mut sums = [u8::START; COLUMNS];
        for (row, weight) in weights.iter().enumerate() {
            let samples = &samples[row * length + at * COLUMNS..][..COLUMNS];
            for lane in 0..COLUMNS {
                let product = i32::from(samples[lane]).wrapping_mul(*weight);
                sums[lane] = sums[lane].wrapping_add(product);
            }
        }
        for lane in 0..COLUMNS {
            out[lane] = u8::round(sums[lane]);
        }
    }
    for (at, out) in rest.iter_mut().enumerate() {
        let mut sum = u8::START;
        for (row, weight) in weights.iter().enumerate() {
            let sample = samples[row * length + behind + at];
            sum = sum.wrapping_add(i32::from(sample).wrapping_mul(*weight));
        }
        *out = u8::round(sum);
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma, LumaA, Pixel, Rgb, Rgba};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use crate::views::Filter;
    use crate::views::resample::{
        Buffer, Kernels, Rows, Sample, resize_columns_one_by_one, resize_rows_one_by_one,
    };

    fn compare<P: Pixel<Subpixel = u8>>() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for [width, height, output] in [[1, 9, 3], [61, 19, 20], [300, 11, 224], [40, 130, 3]] {
            let mut image: Buffer<P> = ImageBuffer::new(width, height);
            // Extremes overshoot.
            image.iter_mut().for_each(|sample| {
                *sample = [0, 255, random.random()][random.random_range(0..3)];
            });
            let (source, channels) = (Rows::of(&image), usize::from(P::CHANNEL_COUNT));
            let across = Kernels::new(width, output, 1..output, Filter::Bicubic);
            let mut expected = vec![0; (output as usize - 1) * height as usize * channels];
            let mut got = expected.clone();
            resize_rows_one_by_one(source, &across, &mut expected);
            u8::resize_rows(source, &across, &mut got);
            assert_eq!(got, expected, "{width} to {output}, {channels} channels");

            let down = Kernels::new(height, output, 0..output - 1, Filter::Bicubic);
            let wanted = channels.min(source.length - 1)..source.length;
            let mut expected = vec![0; wanted.len() * (output as usize - 1)];
            let mut got = expected.clone();
            resize_columns_one_by_one(source, &down, wanted.clone(), &mut expected);
            u8::resize_columns(source, &down, wanted, &mut got);
            assert_eq!(got, expected, "{height} to {output}, {channels} channels");
        }
    }

    #[test]
    fn bytes_are_those_of_the_plain_loops() {
        compare::<Luma<u8>>();
        compare::<LumaA<u8>>();
        compare::<Rgb<u8>>();
        compare::<Rgba<u8>>();
    }
}
