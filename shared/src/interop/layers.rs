//! The layers of an adapter, between the names of one program and another's.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use crate::checkpoint::LearnedFile;
use crate::clip::{Projection, check_finite};
use crate::error::{Error, Result};
use crate::formats::StoredTensor;
use crate::learners::{
    EncoderLora, IMAGE, LoraFacts, Method, NamedTensors, Scaling, TEXT, adapter_names,
};

/// One of the encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Encoder {
    Image,
    Text,
}

impl Encoder {
    pub(super) const BOTH: [Self; 2] = [Self::Image, Self::Text];

    /// The transformer's name in OpenAI's state dict.
    pub(super) fn transformer(self) -> &'static str {
        match self {
            Self::Image => IMAGE,
            Self::Text => TEXT,
        }
    }
}

/// Where an adapter stands: encoder, block, projection.
pub(super) type Place = (Encoder, usize, Projection);

/// One adapter: `x ↦ factor · (x·Aᵀ)·Bᵀ`.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) a: Tensor, // [rank, width]
    pub(super) b: Tensor, // [width, rank]
    /// As its own file scales it.
    pub(super) factor: f64,
    /// Its alpha in its own file.
    pub(super) alpha: f64,
}

impl Layer {
    /// # Errors
    /// [`Error::TensorShape`] unless B has as many columns as A has rows.
    pub(super) fn new(
        name: &str,
        [a, b]: [Tensor; 2],
        scaling: Scaling,
        alpha: f64,
    ) -> Result<Self> {
        let &[rank, width] = a.dims() else {
            return Err(shape(&format!("{name} A"), &[1, 1], &a));
        };
        if rank == 0 || b.dims() != [width, rank] {
            return Err(shape(&format!("{name} B"), &[width, rank.max(1)], &b));
        }
        Ok(Self {
            a,
            b,
            factor: scaling.factor(alpha, rank),
            alpha,
        })
    }

    pub(super) fn rank(&self) -> usize {
        self.a.dims().first().copied().unwrap_or(1)
    }

    /// B, so that `factor · B·A` is what the layer stands for. The same values if it
    /// is the layer's own factor.
    pub(super) fn b_for(&self, factor: f64) -> Result<Tensor> {
        match self.factor == factor {
            true => Ok(self.b.clone()),
            false => Ok((&self.b * (self.factor / factor))?),
        }
    }
}

fn shape(name: &str, expected: &[usize], got: &Tensor) -> Error {
    Error::TensorShape {
        name: name.into(),
        expected: expected.into(),
        got: got.dims().into(),
    }
}

/// Every layer of an adapter, by its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers(pub(super) BTreeMap<Place, Layer>);

/// More blocks than any encoder has.
const MOST_BLOCKS: usize = 512;

impl Layers {
    /// Those of a learned file of ours.
    ///
    /// # Errors
    /// [`Error::Format`] if it is none of an adapter.
    pub(super) fn of(file: &LearnedFile) -> Result<(Self, LoraFacts)> {
        let fail = |reason: &str| Error::format("the learned file", reason);
        let facts = file.metadata.facts.lora;
        let facts = facts
            .filter(|_| file.metadata.method == Method::Lora)
            .ok_or_else(|| fail("it holds no adapter"))?;
        let mut layers = Self::default();
        for encoder in Encoder::BOTH {
            let sizes = match encoder {
                Encoder::Image => facts.image,
                Encoder::Text => facts.text,
            };
            for block in 0..MOST_BLOCKS {
                for projection in Projection::ALL {
                    let [a, b] = adapter_names(encoder.transformer(), block, projection);
                    let (Some(a), Some(b)) = (file.tensors.get(&a), file.tensors.get(&b)) else {
                        continue;
                    };
                    let sizes = sizes.ok_or_else(|| fail("an encoder's rank is missing"))?;
                    let name = format!("{}.{block}.{}", encoder.transformer(), projection.letter());
                    let mut layer =
                        Layer::new(&name, [a.clone(), b.clone()], facts.scaling, sizes.alpha)?;
                    // One factor for an encoder, whatever a layer's own rank is.
                    layer.factor = facts.scaling.factor(sizes.alpha, sizes.rank);
                    layers.0.insert((encoder, block, projection), layer);
                }
            }
        }
        match 2 * layers.0.len() == file.tensors.iter().count() {
            true => Ok((layers, facts)),
            false => Err(fail("a tensor belongs to no layer")),
        }
    }

    /// The tensors of a learned file of ours, and what they do not tell. Each encoder
    /// has one factor, its first layer's; where others differ, B takes the difference.
    pub(super) fn to_learned(
        &self,
        scaling: Scaling,
        logit_scale: f64,
    ) -> Result<(NamedTensors, LoraFacts)> {
        let mut tensors = Vec::new();
        for (&(encoder, block, projection), layer) in &self.0 {
            let [a, b] = adapter_names(encoder.transformer(), block, projection);
            let factor = self
                .first(encoder)
                .map_or(layer.factor, |first| first.factor);
            tensors.push((a, layer.a.clone()));
            tensors.push((b, layer.b_for(factor)?));
        }
        let sizes = |encoder| {
            self.first(encoder).map(|layer| EncoderLora {
                rank: layer.rank(),
                alpha: layer.alpha,
            })
        };
        let facts = LoraFacts {
            image: sizes(Encoder::Image),
            text: sizes(Encoder::Text),
            scaling,
            logit_scale,
        };
        Ok((tensors.into_iter().collect(), facts))
    }

    /// The first layer of an encoder.
    pub(super) fn first(&self, encoder: Encoder) -> Option<&Layer> {
        self.of_encoder(encoder).next().map(|(_, layer)| layer)
    }

    /// The layers of an encoder, block by block.
    pub(super) fn of_encoder(&self, encoder: Encoder) -> impl Iterator<Item = (&Place, &Layer)> {
        self.0.iter().filter(move |((of, ..), _)| *of == encoder)
    }
}

/// A learned tensor as f32.
///
/// # Errors
/// [`Error::Format`] if it holds no floats, [`Error::NotFinite`] if it holds NaN.
pub(super) fn values(name: &str, stored: &StoredTensor<'_>) -> Result<Tensor> {
    if !stored.is_float() {
        let got = stored.dtype.name();
        let reason = format!("`{name}` is {got}; expected floating-point numbers");
        return Err(Error::format("the learned file", reason));
    }
    let tensor = stored.to_f32_tensor()?;
    check_finite(name, &tensor)?;
    Ok(tensor)
}

/// The values of a tensor, row-major.
pub(super) fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    let tensor = tensor.to_device(&Device::Cpu)?.flatten_all()?;
    Ok(tensor.to_vec1()?)
}

/// One layer of an adapter, as it is added to a projection's weight:
/// `scaling · B·A`.
#[derive(Debug, Clone)]
pub struct AdapterLayer {
    /// Of the image encoder, or of the text encoder.
    pub is_image: bool,
    pub block: usize,
    pub projection: Projection,
    pub a: Tensor, // [rank, width]
    pub b: Tensor, // [width, rank]
    pub scaling: f64,
}

/// The layers of a learned adapter, the image encoder's first, block by block.
///
/// # Errors
/// [`Error::Format`] if the file holds no adapter.
pub fn adapter_layers(file: &LearnedFile) -> Result<Vec<AdapterLayer>> {
    let (layers, _) = Layers::of(file)?;
    let layer = |((encoder, block, projection), layer): (Place, Layer)| AdapterLayer {
        is_image: encoder == Encoder::Image,
        block,
        projection,
        a: layer.a,
        b: layer.b,
        scaling: layer.factor,
    };
    Ok(layers.0.into_iter().map(layer).collect())
}
