//! Operations that give each level of a channel another, whatever lies beside it
//! (torchvision `transforms/_functional_tensor.py`).

use image::RgbImage;

/// What each level of one channel becomes.
pub(super) type Levels = [u8; 256];

/// The levels that `level` makes of each.
pub(super) fn each(mut level: impl FnMut(u8) -> u8) -> Levels {
    let mut levels = [0; 256];
    for (value, out) in (0..=u8::MAX).zip(&mut levels) {
        *out = level(value);
    }
    levels
}

/// Gives each channel its levels.
pub(super) fn map(image: &RgbImage, levels: &[Levels; 3]) -> RgbImage {
    let mut mapped = image.clone();
    for pixel in mapped.pixels_mut() {
        for (value, levels) in pixel.0.iter_mut().zip(levels) {
            *value = levels[usize::from(*value)];
        }
    }
    mapped
}

/// How often each level occurs, by channel.
pub(super) fn histograms(image: &RgbImage) -> [[u64; 256]; 3] {
    let mut counts = [[0; 256]; 3];
    for pixel in image.pixels() {
        for (value, counts) in pixel.0.iter().zip(&mut counts) {
            counts[usize::from(*value)] += 1;
        }
    }
    counts
}

/// The lowest and the highest level that occur.
pub(super) fn ends(histogram: &[u64; 256]) -> (u8, u8) {
    let occurs = |value: &u8| histogram[usize::from(*value)] > 0;
    let lowest = (0..=u8::MAX).find(occurs).unwrap_or(0);
    let highest = (0..=u8::MAX).rev().find(occurs).unwrap_or(0);
    (lowest, highest)
}

/// Keeps the highest `bits` of each level.
pub(super) fn posterise(image: &RgbImage, bits: u32) -> RgbImage {
    let mask = (0xff00_u16 >> bits.min(8)) as u8;
    map(image, &[each(|value| value & mask); 3])
}

/// Inverts the levels from `threshold` on.
pub(super) fn solarise(image: &RgbImage, threshold: f32) -> RgbImage {
    let level = |value: u8| match f32::from(value) >= threshold {
        true => 255 - value,
        false => value,
    };
    map(image, &[each(level); 3])
}

/// Stretches each channel over all levels.
pub(super) fn auto_contrast(image: &RgbImage) -> RgbImage {
    let levels = histograms(image).map(|histogram| {
        let (lowest, highest) = ends(&histogram);
        if lowest == highest {
            return each(|value| value);
        }
        // PyTorch divides a number by a tensor in two roundings.
        let scale = f32::from(highest - lowest).recip() * 255.0;
        // The cast cuts off the fraction and what is too large.
        each(|value| (f32::from(value.saturating_sub(lowest)) * scale) as u8)
    });
    map(image, &levels)
}

/// Spreads the levels of each channel so that they occur about equally often
/// (torchvision's `_scale_channel` and PIL's `ImageOps.equalize`, which agree).
pub(super) fn equalise(image: &RgbImage) -> RgbImage {
    let levels = histograms(image).map(|histogram| {
        let (_, highest) = ends(&histogram);
        let below: u64 = histogram[..usize::from(highest)].iter().sum();
        let step = below / 255;
        if step == 0 {
            return each(|value| value);
        }
        let mut so_far = step / 2;
        each(|value| {
            let level = (so_far / step).min(255) as u8;
            so_far += histogram[usize::from(value)];
            level
        })
    });
    map(image, &levels)
}

/// `factor` of the image and the rest black.
pub(super) fn brightness(image: &RgbImage, factor: f64) -> RgbImage {
    let levels = each(|value| blend(value, 0.0, factor));
    map(image, &[levels; 3])
}

/// `factor` of the image and the rest its mean grey.
pub(super) fn contrast(image: &RgbImage, factor: f64) -> RgbImage {
    let sum: u64 = image.pixels().map(|pixel| u64::from(grey(pixel.0))).sum();
    let count = u64::from(image.width()) * u64::from(image.height());
    let mean = sum as f32 / count.max(1) as f32;
    let levels = each(|value| blend(value, mean, factor));
    map(image, &[levels; 3])
}

/// A pixel's luma, its fraction cut off.
pub(super) fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let [red, green, blue] = [red, green, blue].map(f32::from);
    (0.2989 * red + 0.587 * green + 0.114 * blue) as u8
}

/// `factor · value + (1 - factor) · other`, its fraction cut off.
pub(super) fn blend(value: u8, other: f32, factor: f64) -> u8 {
    // The cast cuts off what is below zero or too large.
    (factor as f32 * f32::from(value) + (1.0 - factor) as f32 * other) as u8
}
