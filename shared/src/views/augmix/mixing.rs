//! The mixture itself: what is drawn, and what is done with it
//! (torchvision `transforms/autoaugment.py`, `AugMix.forward`).

use image::RgbImage;
use rand::Rng;
use rand_distr::{Distribution, Gamma};
use serde::{Deserialize, Serialize};

use super::{MAGNITUDES, Operation};
use crate::error::{Error, Result};

/// How an image is mixed with changed copies of itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AugMix {
    /// Each magnitude is one of this many weakest ones, 1 to 10.
    pub severity: usize,
    /// Number of chains.
    pub mixture_width: usize,
    /// Operations in a chain; `None` draws 1 to 3 for each.
    pub chain_depth: Option<usize>,
    /// The weights come from Dirichlet distributions with this in every place.
    pub alpha: f64,
    /// Whether brightness, colour, contrast and sharpness are among the operations;
    /// they overlap with ImageNet-C's corruptions.
    pub all_ops: bool,
}

impl Default for AugMix {
    /// torchvision's.
    fn default() -> Self {
        Self {
            severity: 3,
            mixture_width: 3,
            chain_depth: None,
            alpha: 1.0,
            all_ops: true,
        }
    }
}

/// All that is random about one mixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AugMixDraw {
    /// The share of the image itself.
    #[serde(rename = "m_orig")]
    pub original: f32,
    /// The share of its changed copies together.
    #[serde(rename = "m_aug")]
    pub changed: f32,
    /// The share that each copy has of them.
    #[serde(rename = "w")]
    pub weights: Vec<f32>,
    /// For each copy, its operations with their magnitudes, first to last.
    pub chains: Vec<Vec<(Operation, f32)>>,
}

impl AugMix {
    /// # Errors
    /// [`Error::Setting`] for a severity outside 1 to 10, no chains, chains of no
    /// operations, and an alpha that is not above 0.
    pub fn check(&self) -> Result<()> {
        if !(1..=MAGNITUDES).contains(&self.severity) {
            let expected = format!("1 to {MAGNITUDES}");
            return Err(Error::setting("AugMix's severity", self.severity, expected));
        }
        if self.mixture_width == 0 {
            return Err(Error::setting("AugMix's mixture width", 0, "1 or more"));
        }
        if self.chain_depth == Some(0) {
            return Err(Error::setting("AugMix's chain depth", 0, "1 or more"));
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(Error::setting("AugMix's alpha", self.alpha, "above 0"));
        }
        Ok(())
    }

    /// Draws a mixture for an image of `width × height` pixels.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn draw(&self, random: &mut impl Rng, width: u32, height: u32) -> Result<AugMixDraw> {
        self.check()?;
        let shares = self.dirichlet(2, random)?;
        let weights = self.dirichlet(self.mixture_width, random)?;
        let mut chains = Vec::with_capacity(self.mixture_width);
        for _ in 0..self.mixture_width {
            let depth = self.chain_depth;
            let depth = depth.unwrap_or_else(|| random.random_range(1..=3));
            let steps = (0..depth).map(|_| self.step(random, width, height));
            chains.push(steps.collect());
        }
        Ok(AugMixDraw {
            original: shares[0],
            changed: shares[1],
            weights,
            chains,
        })
    }

    /// One operation of a chain and its magnitude.
    fn step(&self, random: &mut impl Rng, width: u32, height: u32) -> (Operation, f32) {
        let operations = match self.all_ops {
            true => &Operation::ALL,
            false => Operation::WITHOUT_CORRUPTIONS,
        };
        let operation = operations[random.random_range(0..operations.len())];
        let magnitude = match operation.magnitudes(width, height).as_slice() {
            [only] => *only,
            all => all[random.random_range(0..self.severity.min(all.len()))],
        };
        let is_turned = operation.is_signed() && random.random_bool(0.5);
        (operation, if is_turned { -magnitude } else { magnitude })
    }

    /// `count` shares that sum to 1.
    fn dirichlet(&self, count: usize, random: &mut impl Rng) -> Result<Vec<f32>> {
        let gamma = Gamma::new(self.alpha, 1.0)
            .map_err(|_| Error::setting("AugMix's alpha", self.alpha, "above 0"))?;
        let draws: Vec<f64> = (0..count).map(|_| gamma.sample(random)).collect();
        let sum: f64 = draws.iter().sum();
        // Of a tiny alpha all may come out as 0.
        let share = |draw: &f64| match sum > 0.0 {
            true => (draw / sum) as f32,
            false => 1.0 / count as f32,
        };
        Ok(draws.iter().map(share).collect())
    }
}

impl AugMixDraw {
    /// The mixture, as many pixels as `image`.
    pub fn apply(&self, image: &RgbImage) -> RgbImage {
        let mut sums: Vec<f32> = image
            .iter()
            .map(|value| self.original * f32::from(*value))
            .collect();
        for (chain, weight) in self.chains.iter().zip(&self.weights) {
            let weight = weight * self.changed;
            let mut changed = None;
            for (operation, magnitude) in chain {
                changed = Some(operation.apply(changed.as_ref().unwrap_or(image), *magnitude));
            }
            let changed = changed.as_ref().unwrap_or(image);
            for (sum, value) in sums.iter_mut().zip(changed.iter()) {
                *sum += weight * f32::from(*value);
            }
        }
        let mut mixed = RgbImage::new(image.width(), image.height());
        for (out, sum) in mixed.iter_mut().zip(sums) {
            // The cast cuts off the fraction, as the reference does.
            *out = sum as u8;
        }
        mixed
    }
}
