//! LoRA: where adapters go, and what they start from (Zanella and Ben Ayed 2024;
//! MaxZanella/CLIP-LoRA `loralib`).

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::clip::{Adapter, Backbone, BlockAdapter, Clip, LowRank, Projection};
use crate::error::{Error, Result};

/// What an adapter is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraSettings {
    pub image: Option<EncoderLora>,
    pub text: Option<EncoderLora>,
    pub projections: Vec<Projection>,
    pub blocks: Blocks,
    pub scaling: Scaling,
    /// Seed of the first values.
    pub seed: u64,
}

/// The sizes of one encoder's adapters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EncoderLora {
    pub rank: usize,
    pub alpha: f64,
}

/// What an adapter's product is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// `alpha / √rank`: CLIP-LoRA, and PEFT's rsLoRA.
    AlphaOverRootRank,
    /// `alpha / rank`: LoRA's paper, PEFT, DISEF.
    AlphaOverRank,
}

impl Scaling {
    /// The factor.
    pub fn factor(self, alpha: f64, rank: usize) -> f64 {
        match self {
            Self::AlphaOverRootRank => alpha / (rank as f64).sqrt(),
            Self::AlphaOverRank => alpha / rank as f64,
        }
    }
}

/// The blocks of an encoder that get adapters, named as in CLIP-LoRA. Its indices
/// are those of 12 blocks; here they are the same shares of any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocks {
    All,
    Top1,
    Top2,
    Top3,
    /// The first third.
    Bottom,
    /// The second third.
    Mid,
    /// The last third.
    Up,
    HalfBottom,
    HalfUp,
}

impl Blocks {
    /// Whether block `at` of `count` is one of them.
    pub fn contains(self, at: usize, count: usize) -> bool {
        let last = |blocks: usize| at + blocks >= count;
        match self {
            Self::All => true,
            Self::Top1 => last(1),
            Self::Top2 => last(2),
            Self::Top3 => last(3),
            Self::Bottom => 3 * at < count,
            Self::Mid => 3 * at >= count && 3 * at < 2 * count,
            Self::Up => 3 * at >= 2 * count,
            Self::HalfBottom => 2 * at < count,
            Self::HalfUp => 2 * at >= count,
        }
    }
}

impl LoraSettings {
    /// A first adapter for `clip`: A uniform within ±1/√width (Kaiming with a slope
    /// of √5), B zero, so that nothing changes yet.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is nothing to adapt, a rank is 0 or larger than
    /// the width, or the image encoder is a ResNet.
    pub fn start(&self, clip: &Clip) -> Result<Adapter> {
        if self.projections.is_empty() || (self.image.is_none() && self.text.is_none()) {
            return Err(Error::setting(
                "what LoRA adapts",
                "nothing",
                "one of q, k, v, o, and an encoder",
            ));
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let device = clip.log_logit_scale.device();
        let mut adapter = Adapter::default();
        if let Some(sizes) = self.image {
            let Backbone::Vit { tower, .. } = &clip.config.image.backbone else {
                return Err(Error::setting(
                    "the image encoder",
                    "a ResNet",
                    "a ViT, or adapters of the text encoder alone",
                ));
            };
            adapter.image = self.blocks(sizes, [tower.layers, tower.width], &mut random, device)?;
        }
        if let Some(sizes) = self.text {
            let tower = &clip.config.text.tower;
            adapter.text = self.blocks(sizes, [tower.layers, tower.width], &mut random, device)?;
        }
        Ok(adapter)
    }

    fn blocks(
        &self,
        sizes: EncoderLora,
        [layers, width]: [usize; 2],
        random: &mut impl Rng,
        device: &Device,
    ) -> Result<Vec<BlockAdapter>> {
        let rank = sizes.rank;
        if rank == 0 || rank > width {
            let expected = format!("between 1 and the encoder's width, {width}");
            return Err(Error::setting("the rank", rank, expected));
        }
        let bound = 1.0 / (width as f32).sqrt();
        let mut part = || -> Result<LowRank> {
            let values: Vec<f32> = (0..rank * width)
                .map(|_| random.random_range(-bound..bound))
                .collect();
            Ok(LowRank {
                a: Tensor::from_vec(values, (rank, width), device)?,
                b: Tensor::zeros((width, rank), candle_core::DType::F32, device)?,
                scaling: self.scaling.factor(sizes.alpha, rank),
            })
        };
        (0..layers)
            .map(|at| {
                let mut block = BlockAdapter::default();
                for projection in Projection::ALL {
                    if self.projections.contains(&projection) && self.blocks.contains(at, layers) {
                        block.parts.push((projection, part()?));
                    }
                }
                Ok(block)
            })
            .collect()
    }
}
