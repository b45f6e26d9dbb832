//! Adapters: how much each layer changes.

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::Explanation;
use super::context::norm;
use crate::checkpoint::LearnedFile;
use crate::clip::{Clip, Projection};
use crate::error::Result;
use crate::interop::{AdapterLayer, adapter_layers};

/// What an adapter adds to one projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerChange {
    /// Of the image encoder, or of the text encoder.
    pub is_image: bool,
    pub block: usize,
    pub projection: Projection,
    pub rank: usize,
    /// The Frobenius norm of `scaling·B·A`.
    pub norm: f64,
    /// That of the weight it is added to, if a model is there.
    pub weight_norm: Option<f64>,
    /// Its share of that.
    pub share: Option<f64>,
}

pub(super) fn explain(file: &LearnedFile, clip: Option<&Clip>) -> Result<Explanation> {
    let layers = adapter_layers(file)?;
    let layers = layers.iter().map(|layer| change(layer, clip));
    Ok(Explanation::Adapter {
        layers: layers.collect::<Result<_>>()?,
    })
}

fn change(layer: &AdapterLayer, clip: Option<&Clip>) -> Result<LayerChange> {
    let AdapterLayer {
        is_image,
        block,
        projection,
        a,
        b,
        scaling,
    } = layer;
    let own = frobenius(&(b.matmul(a)? * *scaling)?)?;
    let weight = match clip {
        Some(clip) if *is_image => clip.image_projection(*block, *projection)?,
        Some(clip) => clip.text_projection(*block, *projection)?,
        None => None,
    };
    let weight_norm = weight.as_ref().map(frobenius).transpose()?;
    Ok(LayerChange {
        is_image: *is_image,
        block: *block,
        projection: *projection,
        rank: a.dim(0)?,
        norm: own,
        weight_norm,
        share: weight_norm.map(|weight| own / weight),
    })
}

fn frobenius(tensor: &Tensor) -> Result<f64> {
    let values = tensor.to_device(&Device::Cpu)?.flatten_all()?;
    Ok(norm(&values.to_vec1::<f32>()?))
}
