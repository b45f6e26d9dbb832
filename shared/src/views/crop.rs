//! Random resized crops, as torchvision draws them.

use image::{RgbImage, imageops};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Filter, resample};
use crate::error::Result;

/// A rectangle of pixels inside an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CropBox {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

impl CropBox {
    /// The whole image.
    pub fn whole(image: &RgbImage) -> Self {
        Self {
            left: 0,
            top: 0,
            width: image.width(),
            height: image.height(),
        }
    }
}

/// torchvision's `RandomResizedCrop` followed by `RandomHorizontalFlip`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RandomResizedCrop {
    /// Smallest and largest share of the image's area.
    pub scale: [f64; 2],
    /// Smallest and largest width / height.
    pub ratio: [f64; 2],
    /// Probability of a horizontal flip.
    pub flip: f64,
    pub filter: Filter,
}

impl Default for RandomResizedCrop {
    /// CoOp's training transform (KaiyangZhou/CoOp configs: scale 0.08 to 1,
    /// bicubic, flipped half of the time).
    fn default() -> Self {
        Self {
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            flip: 0.5,
            filter: Filter::Bicubic,
        }
    }
}

impl RandomResizedCrop {
    /// Draws a box (torchvision `RandomResizedCrop.get_params`): ten tries, then
    /// the largest centred box whose ratio is allowed.
    pub fn draw(&self, width: u32, height: u32, random: &mut impl Rng) -> CropBox {
        let area = f64::from(width) * f64::from(height);
        let logarithm = self.ratio.map(f64::ln);
        for _ in 0..10 {
            let target = area * random.random_range(self.scale[0]..=self.scale[1]);
            let ratio = random.random_range(logarithm[0]..=logarithm[1]).exp();
            let crop_width = (target * ratio).sqrt().round_ties_even() as u32;
            let crop_height = (target / ratio).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
                return CropBox {
                    left: random.random_range(0..=width - crop_width),
                    top: random.random_range(0..=height - crop_height),
                    width: crop_width,
                    height: crop_height,
                };
            }
        }
        let ratio = f64::from(width) / f64::from(height);
        let (crop_width, crop_height) = if ratio < self.ratio[0] {
            (
                width,
                (f64::from(width) / self.ratio[0]).round_ties_even() as u32,
            )
        } else if ratio > self.ratio[1] {
            (
                (f64::from(height) * self.ratio[1]).round_ties_even() as u32,
                height,
            )
        } else {
            (width, height)
        };
        CropBox {
            left: (width - crop_width) / 2,
            top: (height - crop_height) / 2,
            width: crop_width,
            height: crop_height,
        }
    }

    /// One augmented view, `side × side` pixels.
    pub fn view(&self, image: &RgbImage, side: u32, random: &mut impl Rng) -> Result<RgbImage> {
        let part = self.draw(image.width(), image.height(), random);
        let mut view = resample(image, part, [side, side], self.filter)?;
        if random.random_bool(self.flip) {
            imageops::flip_horizontal_in_place(&mut view);
        }
        Ok(view)
    }
}
