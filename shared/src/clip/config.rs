//! The sizes of a CLIP, read from its tensors; what tensors cannot tell comes
//! from the [`Hints`] of a configuration beside them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Hints;
use crate::error::{Error, Result};
use crate::ops::Activation;

/// Every size of a CLIP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipConfig {
    /// Width of the joint space.
    pub embed_dim: usize,
    pub image: ImageConfig,
    pub text: TextConfig,
}

/// The image encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// Side of the square input, in pixels.
    pub side: usize,
    /// Mean of each channel in the training data, of pixels in 0..1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel in the training data.
    pub standard_deviation: [f32; 3],
    pub backbone: Backbone,
}

/// What an image encoder is built of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backbone {
    /// A Vision Transformer on patches of `patch × patch` pixels.
    Vit { patch: usize, tower: TowerConfig },
    /// CLIP's ModifiedResNet.
    ResNet {
        /// Channels behind the stem.
        width: usize,
        /// Bottlenecks in each of the four stages.
        stages: [usize; 4],
        /// Heads of the attention pool.
        heads: usize,
    },
}

/// The text encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextConfig {
    /// Slots for tokens (77 in every released CLIP).
    pub context_length: usize,
    pub vocabulary: usize,
    pub tower: TowerConfig,
    pub end_of_text: EndOfText,
}

/// A residual transformer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TowerConfig {
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Width of the feed-forward layers (4 · width in most models).
    pub hidden: usize,
    pub activation: Activation,
    /// Added to the variance in every LayerNorm.
    pub epsilon: f64,
}

impl TowerConfig {
    /// Multiplications of one token in all layers, which attends to `tokens`.
    pub fn multiplications(&self, tokens: usize) -> usize {
        let Self { width, hidden, .. } = self;
        self.layers * width * (4 * width + 2 * hidden + 2 * tokens)
    }
}

/// Which slot of a row of token ids the text feature is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndOfText {
    /// The first slot with the row's highest id (openai/CLIP, open_clip).
    HighestId,
    /// The first slot with this id (Hugging Face, unless its config says 2).
    Id(u32),
}

/// Columns of an attention head, unless a configuration says otherwise.
pub const HEAD_WIDTH: usize = 64;

/// Mean of each channel in OpenAI's training data (openai/CLIP `clip.py`).
pub const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];

/// Standard deviation of each channel in OpenAI's training data.
pub const STANDARD_DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// Shapes by the names of OpenAI's state dict.
pub trait Shapes {
    /// The shape of the tensor `name`, if there is one.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// The shape of the tensor `name`, which must have `N` dimensions; `example`
    /// is what the error shows as expected.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] or [`Error::TensorShape`].
    fn dims<const N: usize>(&self, name: &str, example: [usize; N]) -> Result<[usize; N]> {
        let dims = self.shape(name).ok_or_else(|| Error::MissingTensor {
            name: name.into(),
            expected: example.as_slice().into(),
        })?;
        let shape = dims.as_slice().into();
        dims.try_into().map_err(|_| Error::TensorShape {
            name: name.into(),
            expected: example.as_slice().into(),
            got: shape,
        })
    }
}

impl ClipConfig {
    /// Reads the sizes from the tensors' shapes, as openai/CLIP `build_model`
    /// does: no table of known models is needed.
    ///
    /// # Errors
    /// If an encoder is not there, or its shapes do not fit together.
    pub fn read(shapes: &impl Shapes, hints: &Hints) -> Result<Self> {
        let image = ImageConfig::read(shapes, hints)?;
        let text = TextConfig::read(shapes, hints)?;
        Ok(Self {
            embed_dim: image.embed_dim(shapes)?,
            image,
            text,
        })
    }
}

impl fmt::Display for ImageConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.backbone {
            Backbone::Vit { patch, tower } => {
                let TowerConfig { width, layers, .. } = tower;
                write!(f, "ViT, patch {patch}, width {width}, {layers} layers")
            }
            Backbone::ResNet { width, stages, .. } => {
                let [a, b, c, d] = stages;
                write!(
                    f,
                    "ResNet, width {width}, {a} + {b} + {c} + {d} bottlenecks"
                )
            }
        }
    }
}

impl ImageConfig {
    /// Whether there is an image encoder at all.
    pub fn is_there(shapes: &impl Shapes) -> bool {
        shapes.shape("visual.conv1.weight").is_some()
    }

    /// Reads the image encoder's sizes.
    pub fn read(shapes: &impl Shapes, hints: &Hints) -> Result<Self> {
        let is_resnet = shapes.shape("visual.layer1.0.conv1.weight").is_some();
        let (side, backbone) = match is_resnet {
            true => resnet(shapes)?,
            false => vit(shapes, hints)?,
        };
        Ok(Self {
            side,
            mean: hints.mean.unwrap_or(MEAN),
            standard_deviation: hints.standard_deviation.unwrap_or(STANDARD_DEVIATION),
            backbone,
        })
    }

    /// Whether it is a ModifiedResNet.
    pub fn is_resnet(&self) -> bool {
        matches!(self.backbone, Backbone::ResNet { .. })
    }

    /// Width of the joint space.
    pub fn embed_dim(&self, shapes: &impl Shapes) -> Result<usize> {
        match &self.backbone {
            Backbone::Vit { tower, .. } => {
                let [_, embed_dim] = shapes.dims("visual.proj", [tower.width, 512])?;
                Ok(embed_dim)
            }
            Backbone::ResNet { width, .. } => {
                let name = "visual.attnpool.c_proj.weight";
                let [embed_dim, _] = shapes.dims(name, [1024, 32 * width])?;
                Ok(embed_dim)
            }
        }
    }
}

impl TextConfig {
    /// Whether there is a text encoder at all.
    pub fn is_there(shapes: &impl Shapes) -> bool {
        shapes.shape("token_embedding.weight").is_some()
    }

    /// Reads the text encoder's sizes.
    pub fn read(shapes: &impl Shapes, hints: &Hints) -> Result<Self> {
        let [vocabulary, width] = shapes.dims("token_embedding.weight", [49408, 512])?;
        let [context_length, _] = shapes.dims("positional_embedding", [77, width])?;
        Ok(Self {
            context_length,
            vocabulary,
            tower: tower(shapes, "transformer", width, &hints.text)?,
            end_of_text: hints.end_of_text.unwrap_or(EndOfText::HighestId),
        })
    }

    /// Width of the joint space.
    pub fn embed_dim(&self, shapes: &impl Shapes) -> Result<usize> {
        let [_, embed_dim] = shapes.dims("text_projection", [self.tower.width, 512])?;
        Ok(embed_dim)
    }
}

fn vit(shapes: &impl Shapes, hints: &Hints) -> Result<(usize, Backbone)> {
    let [width, _, patch, _] = shapes.dims("visual.conv1.weight", [768, 3, 32, 32])?;
    let positions = "visual.positional_embedding";
    let [count, _] = shapes.dims(positions, [50, width])?;
    let tower = tower(shapes, "visual.transformer", width, &hints.image)?;
    Ok((
        grid(positions, count)? * patch,
        Backbone::Vit { patch, tower },
    ))
}

fn resnet(shapes: &impl Shapes) -> Result<(usize, Backbone)> {
    let [width, ..] = shapes.dims("visual.layer1.0.conv1.weight", [64, 64, 1, 1])?;
    let positions = "visual.attnpool.positional_embedding";
    let [count, channels] = shapes.dims(positions, [50, 32 * width])?;
    let stages = [1, 2, 3, 4].map(|stage| {
        (0..)
            .take_while(|block| {
                let name = format!("visual.layer{stage}.{block}.conv1.weight");
                shapes.shape(&name).is_some()
            })
            .count()
    });
    let backbone = Backbone::ResNet {
        width,
        stages,
        heads: heads(positions, channels, HEAD_WIDTH)?,
    };
    // The stem and three stages halve the side five times in all.
    Ok((grid(positions, count)? * 32, backbone))
}

/// Side of the grid whose positions, with one for the class, number `count`.
fn grid(name: &str, count: usize) -> Result<usize> {
    let side = count.saturating_sub(1).isqrt();
    if side == 0 || side * side + 1 != count {
        let reason = format!("{count} rows are not a square grid and one more");
        return Err(Error::format(name, reason));
    }
    Ok(side)
}

/// A transformer's sizes; `hints` has what shapes do not tell.
fn tower(
    shapes: &impl Shapes,
    prefix: &str,
    width: usize,
    hints: &super::TowerHints,
) -> Result<TowerConfig> {
    let counted = (0..)
        .take_while(|layer| {
            let name = format!("{prefix}.resblocks.{layer}.ln_1.weight");
            shapes.shape(&name).is_some()
        })
        .count();
    let layers = hints.layers.unwrap_or(counted);
    let name = format!("{prefix}.resblocks.0.mlp.c_fc.weight");
    let [hidden, _] = shapes.dims(&name, [4 * width, width])?;
    let heads = match hints.heads {
        Some(heads) if heads == 0 || !width.is_multiple_of(heads) => {
            let expected = format!("a divisor of the width {width}");
            return Err(Error::setting("the number of heads", heads, expected));
        }
        Some(heads) => heads,
        None => heads(&name, width, hints.head_width.unwrap_or(HEAD_WIDTH))?,
    };
    Ok(TowerConfig {
        width,
        layers,
        heads,
        hidden,
        activation: hints.activation.unwrap_or(Activation::QuickGelu),
        epsilon: hints.epsilon.unwrap_or(1e-5),
    })
}

fn heads(name: &str, width: usize, head_width: usize) -> Result<usize> {
    if width == 0 || head_width == 0 || !width.is_multiple_of(head_width) {
        let reason = format!("a width of {width} is not a multiple of {head_width}");
        return Err(Error::format(name, reason));
    }
    Ok(width / head_width)
}
