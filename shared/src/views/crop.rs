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
    /// All of an image of that size.
    pub fn of_size(width: u32, height: u32) -> Self {
        Self {
            left: 0,
            top: 0,
            width,
            height,
        }
    }

    /// Whether it holds pixels, and only those of an image of that size.
    pub fn is_inside(&self, width: u32, height: u32) -> bool {
        let ends_inside = |first: u32, length: u32, end: u32| {
            length > 0 && first.checked_add(length).is_some_and(|last| last <= end)
        };
        ends_inside(self.left, self.width, width) && ends_inside(self.top, self.height, height)
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

/// Where the numbers of a crop come from.
pub trait Draws {
    /// A number from `low` to `high`, all equally likely.
    fn between(&mut self, low: f64, high: f64) -> f64;
    /// A whole number below `end`, all equally likely.
    fn below(&mut self, end: u32) -> u32;
}

impl<R: Rng> Draws for R {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.random_range(low..=high)
    }

    fn below(&mut self, end: u32) -> u32 {
        self.random_range(0..end)
    }
}

impl RandomResizedCrop {
    /// Draws a box (torchvision `RandomResizedCrop.get_params`): ten tries, then
    /// the largest centred box whose ratio is allowed.
    pub fn draw(&self, width: u32, height: u32, draws: &mut impl Draws) -> CropBox {
        let area = f64::from(width) * f64::from(height);
        let logarithm = self.ratio.map(f64::ln);
        for _ in 0..10 {
            let target = area * draws.between(self.scale[0], self.scale[1]);
            let ratio = draws.between(logarithm[0], logarithm[1]).exp();
            let crop_width = (target * ratio).sqrt().round_ties_even() as u32;
            let crop_height = (target / ratio).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
                let top = draws.below(height - crop_height + 1);
                let left = draws.below(width - crop_width + 1);
                return CropBox {
                    left,
                    top,
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

#[cfg(test)]
mod tests {
    use super::{CropBox, Draws, RandomResizedCrop};

    /// Draws that never fit: the largest area and the largest ratio.
    struct Largest;

    impl Draws for Largest {
        fn between(&mut self, _: f64, high: f64) -> f64 {
            high
        }

        fn below(&mut self, end: u32) -> u32 {
            end - 1
        }
    }

    #[test]
    fn what_never_fits_is_cut_from_the_centre() {
        // torchvision's fall-back: the whole short edge, the ratio's limit.
        for (size, expected) in [
            ((100, 10), [43, 0, 13, 10]),
            ((10, 100), [0, 43, 10, 13]),
            ((12, 11), [0, 0, 12, 11]),
        ] {
            let [left, top, width, height] = expected;
            let expected = CropBox {
                left,
                top,
                width,
                height,
            };
            let got = RandomResizedCrop::default().draw(size.0, size.1, &mut Largest);
            assert_eq!(got, expected, "{size:?}");
        }
    }
}
