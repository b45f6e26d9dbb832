//! The sizes of a CLIP, read from its tensors.

use serde::{Deserialize, Serialize};

use super::Weights;
use crate::error::{Error, Result};
use crate::ops::Activation;

/// Every size of a CLIP with a ViT image encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipConfig {
    /// Width of the joint space.
    pub embed_dim: usize,
    pub image: ImageConfig,
    pub text: TextConfig,
    pub activation: Activation,
}

/// The image encoder's sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// Side of the square input, in pixels.
    pub side: usize,
    /// Side of a patch, in pixels.
    pub patch: usize,
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
}

/// The text encoder's sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextConfig {
    /// Slots for tokens (77 in every released CLIP).
    pub context_length: usize,
    pub vocabulary: usize,
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
}

/// Columns of one attention head in OpenAI's models: heads = width / 64.
const HEAD_WIDTH: usize = 64;

impl ClipConfig {
    /// Reads the sizes from the tensors' shapes, as openai/CLIP `build_model`
    /// does: no table of known models is needed.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        if weights.contains("visual.layer1.0.conv1.weight") {
            return Err(Error::setting(
                "the image encoder",
                "a ModifiedResNet",
                "a Vision Transformer (ResNet image encoders are not read yet)",
            ));
        }
        let [image_width, _, patch, _] = weights.dims("visual.conv1.weight", [768, 3, 32, 32])?;
        let [positions, _] = weights.dims("visual.positional_embedding", [50, image_width])?;
        let [_, embed_dim] = weights.dims("visual.proj", [image_width, 512])?;
        let [vocabulary, text_width] = weights.dims("token_embedding.weight", [49408, 512])?;
        let [context_length, _] = weights.dims("positional_embedding", [77, text_width])?;
        let grid = positions.saturating_sub(1).isqrt();
        if grid == 0 || grid * grid + 1 != positions {
            return Err(Error::format(
                "visual.positional_embedding",
                format!("{positions} rows are not a square grid and a class embedding"),
            ));
        }
        Ok(Self {
            embed_dim,
            image: ImageConfig {
                side: grid * patch,
                patch,
                width: image_width,
                layers: layers(weights, "visual.transformer.resblocks", image_width)?,
                heads: heads("visual.conv1.weight", image_width)?,
            },
            text: TextConfig {
                context_length,
                vocabulary,
                width: text_width,
                layers: layers(weights, "transformer.resblocks", text_width)?,
                heads: heads("token_embedding.weight", text_width)?,
            },
            activation: Activation::QuickGelu,
        })
    }
}

fn layers(weights: &Weights, prefix: &str, width: usize) -> Result<usize> {
    let count = (0..)
        .take_while(|layer| weights.contains(&format!("{prefix}.{layer}.ln_1.weight")))
        .count();
    match count {
        0 => Err(Error::MissingTensor {
            name: format!("{prefix}.0.ln_1.weight"),
            expected: [width].as_slice().into(),
        }),
        count => Ok(count),
    }
}

fn heads(name: &str, width: usize) -> Result<usize> {
    if width == 0 || !width.is_multiple_of(HEAD_WIDTH) {
        return Err(Error::format(
            name,
            format!("a width of {width} is not a multiple of {HEAD_WIDTH}"),
        ));
    }
    Ok(width / HEAD_WIDTH)
}
