//! Operations that mix a channel with the other channels of its pixel, or with the
//! pixels around it (torchvision `transforms/_functional_tensor.py`).

use image::RgbImage;

use super::levels::{blend, grey};

/// `factor` of the image and the rest its grey.
pub(super) fn colour(image: &RgbImage, factor: f64) -> RgbImage {
    let (own, rest) = (factor as f32, (1.0 - factor) as f32);
    let mut mixed = image.clone();
    for pixel in mixed.pixels_mut() {
        let grey = rest * f32::from(grey(pixel.0));
        // The cast cuts off what is below zero or too large.
        pixel.0 = pixel.0.map(|value| (own * f32::from(value) + grey) as u8);
    }
    mixed
}

/// `factor` of the image and the rest its blur. Images of fewer than 3 pixels along a
/// side stay as they are.
pub(super) fn sharpness(image: &RgbImage, factor: f64) -> RgbImage {
    if image.width() <= 2 || image.height() <= 2 {
        return image.clone();
    }
    let mut mixed = smooth(image);
    for (blurred, value) in mixed.iter_mut().zip(image.iter()) {
        *blurred = blend(*value, f32::from(*blurred), factor);
    }
    mixed
}

/// Each pixel's weighted mean with its eight neighbours, its own weight 5 of 13; the
/// outermost pixels stay as they are (PIL's `ImageFilter.SMOOTH`, torchvision's
/// `_blurred_degenerate_image`). Thirteenths are never halves, so that whole numbers
/// round as the references' floating-point ones do.
pub(super) fn smooth(image: &RgbImage) -> RgbImage {
    let mut blurred = image.clone();
    let length = image.width() as usize * 3;
    let rows: Vec<&[u8]> = image.as_raw().chunks_exact(length).collect();
    let inner = blurred.chunks_exact_mut(length).skip(1);
    for (out, rows) in inner.zip(rows.windows(3)) {
        for at in 3..length - 3 {
            let sum: u32 = rows
                .iter()
                .flat_map(|row| [row[at - 3], row[at], row[at + 3]])
                .map(u32::from)
                .sum();
            let sum = sum + 4 * u32::from(rows[1][at]);
            out[at] = ((2 * sum + 13) / 26) as u8;
        }
    }
    blurred
}
