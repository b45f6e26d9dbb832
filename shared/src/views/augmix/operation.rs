//! The operations that AugMix chains, and how strong each may be
//! (torchvision `transforms/autoaugment.py`: `AugMix._augmentation_space`, `_apply_op`).

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::affine::fused;
use super::{affine, levels, neighbours};

/// One operation; the names are torchvision's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
    Brightness,
    Color,
    Contrast,
    Sharpness,
}

/// How many magnitudes each operation has, weakest first.
pub const MAGNITUDES: usize = 10;

impl Operation {
    /// All of them in torchvision's order; the last four overlap with the corruptions
    /// of ImageNet-C and can be left out.
    pub const ALL: [Self; 13] = [
        Self::ShearX,
        Self::ShearY,
        Self::TranslateX,
        Self::TranslateY,
        Self::Rotate,
        Self::Posterize,
        Self::Solarize,
        Self::AutoContrast,
        Self::Equalize,
        Self::Brightness,
        Self::Color,
        Self::Contrast,
        Self::Sharpness,
    ];

    /// Those that are not among ImageNet-C's corruptions.
    pub const WITHOUT_CORRUPTIONS: &'static [Self] = Self::ALL.split_at(9).0;

    /// Whether a magnitude is turned round half of the time.
    pub fn is_signed(self) -> bool {
        !matches!(
            self,
            Self::Posterize | Self::Solarize | Self::AutoContrast | Self::Equalize
        )
    }

    /// The magnitudes on an image of `width × height` pixels, weakest first: a slope
    /// (shears), pixels (translations), degrees (rotation), bits that are kept
    /// (posterise), the level from which on pixels are inverted (solarise), or what is
    /// added to a factor of 1. Of operations without a strength, one that is 0.
    pub fn magnitudes(self, width: u32, height: u32) -> Vec<f32> {
        match self {
            Self::ShearX | Self::ShearY => linear(0.0, 0.3),
            Self::TranslateX => linear(0.0, third(width)),
            Self::TranslateY => linear(0.0, third(height)),
            Self::Rotate => linear(0.0, 30.0),
            Self::Posterize => (0..MAGNITUDES)
                .map(|at| 4.0 - (at as f32 / (9.0 / 4.0)).round_ties_even())
                .collect(),
            Self::Solarize => linear(255.0, 0.0),
            Self::AutoContrast | Self::Equalize => vec![0.0],
            Self::Brightness | Self::Color | Self::Contrast | Self::Sharpness => linear(0.0, 0.9),
        }
    }

    /// The image after this operation; what comes from outside of it is black.
    pub fn apply(self, image: &RgbImage, magnitude: f32) -> RgbImage {
        let factor = 1.0 + f64::from(magnitude);
        match self {
            Self::ShearX => affine::shear_x(image, f64::from(magnitude)),
            Self::ShearY => affine::shear_y(image, f64::from(magnitude)),
            // The cast cuts off the fraction, as the reference does.
            Self::TranslateX => affine::translate(image, magnitude as i64, 0),
            Self::TranslateY => affine::translate(image, 0, magnitude as i64),
            Self::Rotate => affine::rotate(image, f64::from(magnitude)),
            Self::Posterize => levels::posterise(image, magnitude as u32),
            Self::Solarize => levels::solarise(image, magnitude),
            Self::AutoContrast => levels::auto_contrast(image),
            Self::Equalize => levels::equalise(image),
            Self::Brightness => levels::brightness(image, factor),
            Self::Contrast => levels::contrast(image, factor),
            Self::Color => neighbours::colour(image, factor),
            Self::Sharpness => neighbours::sharpness(image, factor),
        }
    }
}

fn third(length: u32) -> f32 {
    (f64::from(length) / 3.0) as f32
}

/// PyTorch's `linspace`: steps from both ends, so that both are met exactly.
fn linear(start: f32, end: f32) -> Vec<f32> {
    let step = (end - start) / (MAGNITUDES - 1) as f32;
    let value = |at: usize| match at < MAGNITUDES / 2 {
        true => fused(step, at as f32, start),
        false => fused(-step, (MAGNITUDES - 1 - at) as f32, end),
    };
    (0..MAGNITUDES).map(value).collect()
}
