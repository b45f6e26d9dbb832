//! The image encoder, of either kind.

use candle_core::Tensor;
use tracing::trace_span;

use super::transformer::Transformer;
use super::{Backbone, ImageConfig, ModifiedResNet, VisionTransformer, Weights};
use crate::error::{Error, Result};
use crate::parallel::inside;

/// Pixels → image features.
#[derive(Debug, Clone)]
pub enum ImageEncoder {
    Vit(Box<VisionTransformer>),
    ResNet(Box<ModifiedResNet>),
}

impl ImageEncoder {
    /// Reads the tensors under `visual.`.
    pub fn load(weights: &mut Weights, config: &ImageConfig, embed_dim: usize) -> Result<Self> {
        let side = config.side;
        Ok(match &config.backbone {
            Backbone::Vit { patch, tower } => {
                let sides = [side, *patch];
                let vit = VisionTransformer::load(weights, sides, tower, embed_dim)?;
                Self::Vit(Box::new(vit))
            }
            Backbone::ResNet {
                width,
                stages,
                heads,
            } => {
                let stages = (*width, stages, *heads);
                let resnet = ModifiedResNet::load(weights, side, stages, embed_dim)?;
                Self::ResNet(Box::new(resnet))
            }
        })
    }

    /// The same encoder on other transformer blocks.
    ///
    /// # Errors
    /// [`Error::Setting`] for a ResNet, which has none.
    pub(super) fn with(
        &self,
        change: impl Fn(&Transformer) -> Result<Transformer>,
    ) -> Result<Self> {
        match self {
            Self::Vit(vit) => Ok(Self::Vit(Box::new(vit.with(change)?))),
            Self::ResNet(_) => Err(Error::setting(
                "the image encoder",
                "a ResNet",
                "a ViT, for an adapter of the image encoder",
            )),
        }
    }

    /// The same encoder, whose last block computes all rows.
    pub(super) fn plainly(&self) -> Self {
        match self {
            Self::Vit(vit) => Self::Vit(Box::new(vit.plainly())),
            Self::ResNet(resnet) => Self::ResNet(resnet.clone()),
        }
    }

    /// The Vision Transformer, if it is one.
    pub fn vit(&self) -> Option<&VisionTransformer> {
        match self {
            Self::Vit(vit) => Some(vit),
            Self::ResNet(_) => None,
        }
    }

    /// Normalised pixels `[B, 3, side, side]` → image features `[B, embed_dim]`,
    /// not normalised.
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let _span = trace_span!("image").entered();
        inside(pixels.device(), || match self {
            Self::Vit(vit) => vit.forward(pixels),
            Self::ResNet(resnet) => resnet.forward(pixels),
        })
    }
}

/// The batch size of `pixels`.
///
/// # Errors
/// [`Error::Setting`] unless they are `[B, 3, side, side]`.
pub(super) fn check_pixels(pixels: &Tensor, side: usize) -> Result<usize> {
    match *pixels.dims() {
        [batch, 3, height, width] if (height, width) == (side, side) => Ok(batch),
        ref other => Err(Error::setting(
            "the pixels' shape",
            format!("{other:?}"),
            format!("[batch, 3, {side}, {side}]"),
        )),
    }
}
