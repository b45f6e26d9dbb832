//! Tensors by name, with the shape each reader expects.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Device, Tensor};
use sha2::{Digest, Sha256};

use super::config::Shapes;
use super::{Backbone, CarriedZeroShot, ClipConfig, Hints, ModelFile, TowerConfig};
use crate::error::{Error, Result};
use crate::formats::Checkpoint;
use crate::ops::{Compact, LayerNorm, Linear, Weight};
use crate::parallel::*;

/// The tensors of a model in f32, under the names of OpenAI's state dict
/// (openai/CLIP `clip/model.py`), whatever they are called in their file.
#[derive(Debug, Clone)]
pub struct Weights {
    pub config: ClipConfig,
    tensors: BTreeMap<String, Kept>,
    /// What stands in place of tensors.
    pub(super) carried: Carried,
}

/// A tensor until a model is built of it.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Compact(Compact),
    /// The weight of a linear layer as products read it.
    LaidOut(Weight),
}

impl Kept {
    fn tensor(&self) -> Result<Tensor> {
        Ok(match self {
            Self::Compact(compact) => compact.floats()?,
            Self::LaidOut(weight) => weight.values()?,
        })
    }
}

/// What a model file says beside its tensors.
#[derive(Debug, Clone, Default)]
pub(super) struct Carried {
    /// The text encoder was left out.
    pub without_text: bool,
    /// Features in its place.
    pub zero_shot: Option<CarriedZeroShot>,
    /// Matrices that were kept in whole numbers of eight bits.
    pub whole: BTreeSet<String>,
    /// The fingerprint of the model that this is a copy of.
    pub fingerprint: Option<String>,
}

impl Weights {
    /// Tensors that a model of these sizes has.
    pub fn new(config: ClipConfig, tensors: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        let mut kept = BTreeMap::new();
        for (name, tensor) in tensors {
            kept.insert(name, Kept::Compact(Compact::Floats(tensor)));
        }
        Self::kept(config, kept, Carried::default())
    }

    /// Tensors as they were kept, and what stands in place of some.
    pub(super) fn kept(
        config: ClipConfig,
        tensors: BTreeMap<String, Kept>,
        carried: Carried,
    ) -> Self {
        Self {
            config,
            tensors,
            carried,
        }
    }

    /// Tensors that are already there: variables in training, or a test's. The
    /// sizes are read from them, the rest is as in OpenAI's models.
    ///
    /// # Errors
    /// If an encoder is not there, or its shapes do not fit together.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Result<Self> {
        let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
        let config = ClipConfig::read(&tensors, &Hints::default())?;
        Ok(Self::new(config, tensors))
    }

    /// Whether the text encoder is there.
    pub fn has_text(&self) -> bool {
        !self.carried.without_text
    }

    /// Zero-shot's class features, if the file carried some.
    pub fn zero_shot(&self) -> Option<&CarriedZeroShot> {
        self.carried.zero_shot.as_ref()
    }

    /// Reads a file of any format and naming that is known; see
    /// [`ModelFile`] for shards, and for a configuration beside it.
    ///
    /// # Errors
    /// [`Error::Format`] if the file is damaged, [`Error::Audit`] if it is no
    /// whole CLIP, [`Error::NotFinite`] if a tensor holds NaN or infinity.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let file = ModelFile::open(vec![Checkpoint::read(bytes)?], &[])?;
        file.weights(device, &mut |_, _| {})
    }

    /// The same weights in another float type, to be computed with. A ResNet stays in
    /// f32: its normalisations are folded into its convolutions.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self> {
        let is_resnet = matches!(self.config.image.backbone, Backbone::ResNet { .. });
        let tensors = self.iter().map(|entry| {
            let (name, tensor) = entry?;
            let stays = is_resnet && name.starts_with("visual.");
            let tensor = match stays {
                true => tensor,
                false => tensor.to_dtype(dtype)?,
            };
            Ok((name.into(), tensor))
        });
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        Ok(Self {
            carried: self.carried.clone(),
            ..Self::new(self.config.clone(), tensors)
        })
    }

    /// The tensor `name`, which must have the shape `dims`. It is not here any
    /// more, so that what is computed from it can take its place in memory.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] or [`Error::TensorShape`].
    pub fn take(&mut self, name: &str, dims: &[usize]) -> Result<Tensor> {
        Ok(self.take_compact(name, dims)?.floats()?)
    }

    /// The same as it is kept; see [`Self::take`].
    pub fn take_compact(&mut self, name: &str, dims: &[usize]) -> Result<Compact> {
        Ok(match self.take_kept(name, dims)? {
            Kept::Compact(compact) => compact,
            Kept::LaidOut(weight) => Compact::Floats(weight.values()?),
        })
    }

    /// The weight `name` of a linear layer, `[out, in]`; see [`Self::take`].
    pub fn take_weight(&mut self, name: &str, dims: &[usize]) -> Result<Weight> {
        match self.take_kept(name, dims)? {
            Kept::Compact(compact) => self.lay_out(name, compact.floats()?),
            Kept::LaidOut(weight) => Ok(weight),
        }
    }

    /// A linear layer: its weight `[out, in]` and its bias `[out]`, by their names.
    pub fn take_linear(&mut self, weight: &str, bias: &str, dims: [usize; 2]) -> Result<Linear> {
        Ok(Linear {
            weight: self.take_weight(weight, &dims)?,
            bias: self.take(bias, &dims[..1])?,
        })
    }

    /// The LayerNorm of `prefix.weight` and `prefix.bias`.
    pub fn take_layer_norm(&mut self, prefix: &str, tower: &TowerConfig) -> Result<LayerNorm> {
        Ok(LayerNorm {
            weight: self.take(&format!("{prefix}.weight"), &[tower.width])?,
            bias: self.take(&format!("{prefix}.bias"), &[tower.width])?,
            epsilon: tower.epsilon,
        })
    }

    fn take_kept(&mut self, name: &str, dims: &[usize]) -> Result<Kept> {
        let kept = self.tensors.remove(name);
        let kept = kept.ok_or_else(|| Error::MissingTensor {
            name: name.into(),
            expected: dims.into(),
        })?;
        let got = match &kept {
            Kept::Compact(compact) => compact.dims().into(),
            Kept::LaidOut(weight) => weight.dims().to_vec(),
        };
        if got != dims {
            return Err(Error::TensorShape {
                name: name.into(),
                expected: dims.into(),
                got: got.as_slice().into(),
            });
        }
        Ok(kept)
    }

    /// What became of the weight `name`, `[out, in]`, as products read it.
    pub fn lay_out(&self, name: &str, weight: Tensor) -> Result<Weight> {
        Ok(match self.carried.whole.contains(name) {
            true => Weight::whole(weight)?,
            false => Weight::new(weight)?,
        })
    }

    /// Every name with its tensor, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = Result<(&str, Tensor)>> {
        let entry = |(name, kept)| Ok((String::as_str(name), Kept::tensor(kept)?));
        self.tensors.iter().map(entry)
    }

    /// A short name for these very weights: a hash over all names, shapes and
    /// 64 values of each tensor rounded to f16, so that a file and its f16 copy
    /// agree, whatever their naming, and a large model costs little. A copy that is
    /// more approximate, or a part, carries the name of what it was made of.
    pub fn fingerprint(&self) -> Result<String> {
        if let Some(carried) = &self.carried.fingerprint {
            return Ok(carried.clone());
        }
        let mut hash = FingerprintHash::default();
        for entry in self.iter() {
            let (name, tensor) = entry?;
            hash.add(name, tensor.dims(), FingerprintHash::sample_of(&tensor)?);
        }
        Ok(hash.finish())
    }
}

/// The hash of [`Weights::fingerprint`], tensor by tensor in the order of names.
#[derive(Default)]
pub(super) struct FingerprintHash(Sha256);

impl FingerprintHash {
    /// The elements of a tensor of so many that are looked at.
    pub fn sample(count: usize) -> impl Iterator<Item = usize> {
        (0..count).step_by(count.div_ceil(64).max(1))
    }

    /// The sample of a tensor.
    pub fn sample_of(tensor: &Tensor) -> Result<Vec<f32>> {
        let flat = tensor.flatten_all()?;
        let index = Self::sample(flat.elem_count()).map(|at| at as u32);
        let index = Tensor::new(index.collect::<Vec<u32>>(), tensor.device())?;
        Ok(flat.index_select(&index, 0)?.to_vec1::<f32>()?)
    }

    /// Adds a tensor by the values of its sample.
    pub fn add(&mut self, name: &str, dims: &[usize], sample: impl IntoIterator<Item = f32>) {
        self.0.update(name.as_bytes());
        self.0.update(format!("{dims:?}").as_bytes());
        for value in sample {
            self.0.update(half::f16::from_f32(value).to_le_bytes());
        }
    }

    pub fn finish(self) -> String {
        let digest = self.0.finalize();
        digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl Shapes for BTreeMap<String, Tensor> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.get(name)?.dims().to_vec())
    }
}

/// # Errors
/// [`Error::NotFinite`] if the tensor (f32) holds NaN or infinity.
pub fn check_finite(name: &str, tensor: &Tensor) -> Result<()> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    let count = values.par_iter().filter(|x| !x.is_finite()).count();
    match count {
        0 => Ok(()),
        count => Err(Error::NotFinite {
            name: name.into(),
            count,
        }),
    }
}
