//! Mixup and CutMix on the pixels of a batch, as DISEF's code does: the real images of
//! a batch among themselves, and the synthetic ones among themselves.

use anyhow::Result;
use candle_core::Tensor;
use clipwright_shared::train::{Mix, Targets};
use clipwright_shared::views::{BatchMix, MixDraw};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The random numbers of mixing, apart from those of crops and orders.
const SEED: u64 = 0x_317;

/// Whether and how batches are mixed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mixing(pub Option<BatchMix>);

impl Mixing {
    /// With these alphas, 0 meaning off.
    pub fn new(mixup_alpha: f64, cutmix_alpha: f64) -> Self {
        let batch_mix = BatchMix {
            mixup_alpha,
            cutmix_alpha,
            probability: 1.0,
            switch_probability: 0.5,
        };
        Self((mixup_alpha > 0.0 || cutmix_alpha > 0.0).then_some(batch_mix))
    }

    pub fn is_off(&self) -> bool {
        self.0.is_none()
    }
}

impl Mixing {
    /// Mixes `pixels [B, 3, side, side]` of which the first `parts[0]` images are real
    /// and the other `parts[1]` synthetic; `place` names the random numbers. Returns the
    /// mixed pixels with their answers.
    pub fn mix(
        &self,
        pixels: &Tensor,
        labels: &[usize],
        parts: [usize; 2],
        n_classes: usize,
        smoothing: f64,
        place: [u64; 2],
    ) -> Result<(Tensor, Targets)> {
        let side = pixels.dim(3)? as u32;
        let mut random = ChaCha8Rng::seed_from_u64(place[0] ^ SEED);
        random.set_stream(place[1]);
        let mut mixed = Vec::new();
        let mut mix = Mix {
            kept: Vec::new(),
            partners: Vec::new(),
        };
        let mut first = 0;
        for images in parts.into_iter().filter(|&images| images > 0) {
            let part = pixels.narrow(0, first, images)?;
            let draw = match &self.0 {
                Some(batch_mix) => batch_mix.draw(side, side, &mut random)?,
                None => MixDraw::None,
            };
            mixed.push(draw.apply(&part)?);
            mix.kept.extend(std::iter::repeat_n(draw.kept(), images));
            mix.partners.extend((first..first + images).rev());
            first += images;
        }
        let targets = Targets::of(labels, pixels.device())?;
        let targets = targets.softened(n_classes, smoothing, Some(&mix))?;
        Ok((Tensor::cat(&mixed, 0)?, targets))
    }
}
