//! Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) of a batch with its
//! reverse, as timm's `Mixup(mode="batch")` does them, which DISEF trains with.

use candle_core::{Device, Tensor};
use rand::Rng;
use rand_distr::{Beta, Distribution};
use serde::{Deserialize, Serialize};

use super::{CropBox, Draws};
use crate::error::{Error, Result};

/// How batches are mixed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatchMix {
    /// Mixup's share comes from Beta(alpha, alpha); at 0 there is no Mixup.
    pub mixup_alpha: f64,
    /// The same for CutMix.
    pub cutmix_alpha: f64,
    /// How likely a batch is mixed at all.
    pub probability: f64,
    /// How likely it is CutMix, where both may happen.
    pub switch_probability: f64,
}

/// What is done to one batch. The image at place `i` of `B` is mixed with that at
/// `B - 1 - i`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum MixDraw {
    /// The batch as it is.
    None,
    /// `kept` of each pixel, the rest from the partner's.
    Mixup { kept: f64 },
    /// The partner's pixels inside `area`, which may hold none; `kept` is the share
    /// of pixels outside it.
    CutMix { area: CropBox, kept: f64 },
}

impl BatchMix {
    /// # Errors
    /// [`Error::Setting`] for a negative alpha, two that are 0, and a probability
    /// outside 0 to 1.
    pub fn check(&self) -> Result<()> {
        let alphas = [
            ("the alpha of Mixup", self.mixup_alpha),
            ("the alpha of CutMix", self.cutmix_alpha),
        ];
        for (name, alpha) in alphas {
            if !(alpha.is_finite() && alpha >= 0.0) {
                return Err(Error::setting(name, alpha, "0 or a number above"));
            }
        }
        if alphas.iter().all(|&(_, alpha)| alpha == 0.0) {
            let expected = "at least one of them above 0, or no mixing";
            return Err(Error::setting(
                "the alphas of Mixup and CutMix",
                0,
                expected,
            ));
        }
        for (name, share) in [
            ("the probability of mixing", self.probability),
            ("the probability of CutMix", self.switch_probability),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::setting(name, share, "between 0 and 1"));
            }
        }
        Ok(())
    }

    /// Draws what is done to a batch of images of `width × height` pixels.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn draw(&self, width: u32, height: u32, random: &mut impl Rng) -> Result<MixDraw> {
        self.check()?;
        if !random.random_bool(self.probability) {
            return Ok(MixDraw::None);
        }
        let is_cut = match (self.mixup_alpha > 0.0, self.cutmix_alpha > 0.0) {
            (true, true) => random.random_bool(self.switch_probability),
            (_, is_cut) => is_cut,
        };
        let alpha = if is_cut {
            self.cutmix_alpha
        } else {
            self.mixup_alpha
        };
        let beta = Beta::new(alpha, alpha)
            .map_err(|_| Error::setting("an alpha", alpha, "a larger number, or 0"))?;
        let kept = beta.sample(random);
        Ok(match is_cut {
            _ if kept == 1.0 => MixDraw::None,
            false => MixDraw::Mixup { kept },
            true => {
                let top = random.below(height);
                MixDraw::cut(kept, [random.below(width), top], width, height)
            }
        })
    }
}

impl MixDraw {
    /// CutMix with a box of `1 - kept` of a `width × height` image around the pixel
    /// `[x, y]`, cut off at the borders (timm `rand_bbox`); the share kept is then
    /// that of the pixels really left.
    pub fn cut(kept: f64, [x, y]: [u32; 2], width: u32, height: u32) -> Self {
        let ratio = (1.0 - kept).clamp(0.0, 1.0).sqrt();
        let ends = |centre: u32, length: u32| {
            let cut = (f64::from(length) * ratio) as u32;
            let first = centre.saturating_sub(cut / 2).min(length);
            let end = centre.saturating_add(cut.div_ceil(2)).min(length);
            (first, end.saturating_sub(first))
        };
        let ((left, box_width), (top, box_height)) = (ends(x, width), ends(y, height));
        let share = |length: u32, of: u32| f64::from(length) / f64::from(of.max(1));
        Self::CutMix {
            area: CropBox {
                left,
                top,
                width: box_width,
                height: box_height,
            },
            kept: 1.0 - share(box_width, width) * share(box_height, height),
        }
    }

    /// The share of an image that stays its own, and so of its label.
    pub fn kept(&self) -> f64 {
        match *self {
            Self::None => 1.0,
            Self::Mixup { kept } | Self::CutMix { kept, .. } => kept,
        }
    }

    /// `pixels [B, 3, height, width]` → the same shape, mixed.
    pub fn apply(&self, pixels: &Tensor) -> Result<Tensor> {
        let (images, _, height, width) = pixels.dims4()?;
        let partners = || {
            let places: Vec<u32> = (0..images as u32).rev().collect();
            pixels.index_select(&Tensor::new(places, pixels.device())?, 0)
        };
        Ok(match *self {
            Self::None => pixels.clone(),
            Self::Mixup { kept } => ((pixels * kept)? + (partners()? * (1.0 - kept))?)?,
            Self::CutMix { area, .. } => mask(&area, [height, width], pixels.device())?
                .broadcast_as(pixels.shape())?
                .where_cond(&partners()?, pixels)?,
        })
    }
}

/// 1 inside the box, 0 outside: `[1, 1, height, width]` (u8).
fn mask(area: &CropBox, [height, width]: [usize; 2], device: &Device) -> Result<Tensor> {
    let inside = |at: usize, first: u32, length: u32| {
        (u64::from(first)..u64::from(first) + u64::from(length)).contains(&(at as u64))
    };
    let values: Vec<u8> = (0..height)
        .flat_map(|y| {
            let is_row = inside(y, area.top, area.height);
            (0..width).map(move |x| u8::from(is_row && inside(x, area.left, area.width)))
        })
        .collect();
    Ok(Tensor::from_vec(values, (1, 1, height, width), device)?)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{BatchMix, MixDraw};

    const BOTH: BatchMix = BatchMix {
        mixup_alpha: 0.8,
        cutmix_alpha: 1.0,
        probability: 1.0,
        switch_probability: 0.5,
    };

    /// Shares of batches left alone, mixed and cut, and the shares kept by Mixup.
    fn draws(mix: BatchMix, count: usize) -> ([f64; 3], Vec<f64>) {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut shares = [0.0; 3];
        let mut kept_by_mixup = Vec::new();
        for _ in 0..count {
            let draw = mix.draw(12, 9, &mut random).unwrap();
            assert!((0.0..=1.0).contains(&draw.kept()), "{draw:?}");
            let kind = match draw {
                MixDraw::None => 0,
                MixDraw::Mixup { kept } => {
                    kept_by_mixup.push(kept);
                    1
                }
                MixDraw::CutMix { area, kept } => {
                    assert!(area.left + area.width <= 12 && area.top + area.height <= 9);
                    let cut = f64::from(area.width * area.height) / 108.0;
                    assert!((kept - (1.0 - cut)).abs() < 1e-12, "{draw:?}");
                    2
                }
            };
            shares[kind] += 1.0 / count as f64;
        }
        (shares, kept_by_mixup)
    }

    #[test]
    fn kinds_and_shares_are_as_likely_as_set() {
        let cases = [
            (BOTH, [0.0, 0.5, 0.5]),
            (
                BatchMix {
                    switch_probability: 0.1,
                    ..BOTH
                },
                [0.0, 0.9, 0.1],
            ),
            (
                BatchMix {
                    probability: 0.4,
                    ..BOTH
                },
                [0.6, 0.2, 0.2],
            ),
            (
                BatchMix {
                    cutmix_alpha: 0.0,
                    ..BOTH
                },
                [0.0, 1.0, 0.0],
            ),
            (
                BatchMix {
                    mixup_alpha: 0.0,
                    ..BOTH
                },
                [0.0, 0.0, 1.0],
            ),
            (
                BatchMix {
                    mixup_alpha: 0.3,
                    switch_probability: 0.0,
                    ..BOTH
                },
                [0.0, 1.0, 0.0],
            ),
        ];
        for (mix, expected) in cases {
            let (shares, kept) = draws(mix, 20_000);
            for (share, expected) in shares.into_iter().zip(expected) {
                // Three standard deviations of 20 000 draws are 0.011.
                assert!((share - expected).abs() < 0.012, "{mix:?}: {shares:?}");
            }
            if kept.is_empty() {
                continue;
            }
            let count = kept.len() as f64;
            let mean = kept.iter().sum::<f64>() / count;
            let spread = kept.iter().map(|kept| (kept - mean).powi(2)).sum::<f64>() / count;
            // The variance of Beta(alpha, alpha).
            let expected = 0.25 / (2.0 * mix.mixup_alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.02, "{mix:?}: mean {mean}");
            assert!((spread / expected - 1.0).abs() < 0.05, "{mix:?}: {spread}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for (mix, what) in [
            (
                BatchMix {
                    mixup_alpha: -0.1,
                    ..BOTH
                },
                "the alpha of Mixup is -0.1",
            ),
            (
                BatchMix {
                    cutmix_alpha: f64::NAN,
                    ..BOTH
                },
                "the alpha of CutMix is NaN",
            ),
            (
                BatchMix {
                    mixup_alpha: 0.0,
                    cutmix_alpha: 0.0,
                    ..BOTH
                },
                "alphas of Mixup and CutMix",
            ),
            (
                BatchMix {
                    probability: 1.5,
                    ..BOTH
                },
                "the probability of mixing is 1.5",
            ),
            (
                BatchMix {
                    switch_probability: -1.0,
                    ..BOTH
                },
                "the probability of CutMix is -1",
            ),
        ] {
            let mut random = ChaCha8Rng::seed_from_u64(0);
            let error = mix.draw(8, 8, &mut random).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
