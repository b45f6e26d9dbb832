//! LoRA: where adapters go, and what they start from (Zanella and Ben Ayed 2024;
//! MaxZanella/CLIP-LoRA `loralib`).

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{LearnerFacts, NamedTensors, ZeroShot};
use crate::clip::{Adapter, Backbone, BlockAdapter, Clip, LowRank, Projection, Tokenizer};
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

/// What the tensors of an adapter do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoraFacts {
    pub image: Option<EncoderLora>,
    pub text: Option<EncoderLora>,
    pub scaling: Scaling,
    /// The factor on the cosine that it was learned with.
    pub logit_scale: f64,
}

/// Adapters with the prompt that they were learned with.
#[derive(Debug, Clone)]
pub struct Lora {
    pub adapter: Adapter,
    pub facts: LoraFacts,
    pub prompt: ZeroShot,
    /// The classes it was learned on; it answers for any.
    pub class_names: Vec<String>,
}

impl Lora {
    /// Normalised text features `[n_classes, embed_dim]` of any class names.
    pub fn text_features(
        &self,
        clip: &Clip,
        tokenizer: &Tokenizer,
        class_names: &[String],
    ) -> Result<Tensor> {
        let clip = Clip {
            text: clip.merged_text(&self.adapter)?,
            ..clip.clone()
        };
        self.prompt.text_features(&clip, tokenizer, class_names)
    }

    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        let mut tensors = Vec::new();
        for (encoder, blocks) in [(IMAGE, &self.adapter.image), (TEXT, &self.adapter.text)] {
            for (at, block) in blocks.iter().enumerate() {
                for (projection, part) in &block.parts {
                    let [a, b] = names(encoder, at, *projection);
                    tensors.extend([(a, part.a.clone()), (b, part.b.clone())]);
                }
            }
        }
        tensors
    }

    pub(super) fn facts(&self) -> LearnerFacts {
        LearnerFacts {
            class_names: self.class_names.clone(),
            template: self.prompt.templates().first().cloned(),
            lora: Some(self.facts),
            ..LearnerFacts::default()
        }
    }

    pub(super) fn from_tensors(
        tensors: &mut NamedTensors,
        facts: &LearnerFacts,
        clip: &Clip,
    ) -> Result<Self> {
        let missing = |what: &str| Error::format("the learned file", format!("no {what}"));
        let lora = facts.lora.ok_or_else(|| missing("lora"))?;
        let template = facts.template.clone().ok_or_else(|| missing("template"))?;
        let mut adapter = Adapter::default();
        if let Some(sizes) = lora.image {
            let Backbone::Vit { tower, .. } = &clip.config.image.backbone else {
                return Err(resnet());
            };
            let factor = lora.scaling.factor(sizes.alpha, sizes.rank);
            adapter.image = read_blocks(tensors, IMAGE, [tower.layers, tower.width], factor)?;
        }
        if let Some(sizes) = lora.text {
            let tower = &clip.config.text.tower;
            let factor = lora.scaling.factor(sizes.alpha, sizes.rank);
            adapter.text = read_blocks(tensors, TEXT, [tower.layers, tower.width], factor)?;
        }
        Ok(Self {
            adapter,
            facts: lora,
            prompt: ZeroShot::new([template])?,
            class_names: facts.class_names.clone(),
        })
    }
}

/// The transformers' names in a state dict of OpenAI's.
pub(crate) const IMAGE: &str = "visual.transformer";
pub(crate) const TEXT: &str = "transformer";

/// The names of A and B of one projection.
pub(crate) fn names(encoder: &str, block: usize, projection: Projection) -> [String; 2] {
    let projection = match projection {
        Projection::Query => "q_proj",
        Projection::Key => "k_proj",
        Projection::Value => "v_proj",
        Projection::Output => "out_proj",
    };
    let name = format!("{encoder}.resblocks.{block}.attn.{projection}.lora_");
    [format!("{name}A"), format!("{name}B")]
}

fn read_blocks(
    tensors: &mut NamedTensors,
    encoder: &str,
    [layers, width]: [usize; 2],
    scaling: f64,
) -> Result<Vec<BlockAdapter>> {
    let mut blocks = vec![BlockAdapter::default(); layers];
    for (at, block) in blocks.iter_mut().enumerate() {
        for projection in Projection::ALL {
            let [a, b] = names(encoder, at, projection);
            let Some(rank) = tensors.get(&a).and_then(|a| a.dims().first().copied()) else {
                continue;
            };
            let part = LowRank {
                a: tensors.take_exactly(&a, &[rank, width])?,
                b: tensors.take_exactly(&b, &[width, rank])?,
                scaling,
            };
            block.parts.push((projection, part));
        }
    }
    Ok(blocks)
}

fn resnet() -> Error {
    Error::setting(
        "the image encoder",
        "a ResNet",
        "a ViT, or adapters of the text encoder alone",
    )
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
        let device = clip.device();
        let mut adapter = Adapter::default();
        if let Some(sizes) = self.image {
            let Backbone::Vit { tower, .. } = &clip.config.image.backbone else {
                return Err(resnet());
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
