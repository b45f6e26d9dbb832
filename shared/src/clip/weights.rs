//! Tensors by name, with the shape each reader expects.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::config::Shapes;
use super::{Backbone, ClipConfig, Hints, ModelFile};
use crate::error::{Error, Result};
use crate::formats::Checkpoint;

/// The tensors of a model in f32, under the names of OpenAI's state dict
/// (openai/CLIP `clip/model.py`), whatever they are called in their file.
#[derive(Debug, Clone)]
pub struct Weights {
    pub config: ClipConfig,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Tensors that a model of these sizes has.
    pub fn new(config: ClipConfig, tensors: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        Self {
            config,
            tensors: tensors.into_iter().collect(),
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
        Ok(Self { config, tensors })
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
        let tensors = self.tensors.iter().map(|(name, tensor)| {
            let stays = is_resnet && name.starts_with("visual.");
            let tensor = match stays {
                true => tensor.clone(),
                false => tensor.to_dtype(dtype)?,
            };
            Ok((name.clone(), tensor))
        });
        Ok(Self {
            config: self.config.clone(),
            tensors: tensors.collect::<Result<_>>()?,
        })
    }

    /// The tensor `name`, which must have the shape `dims`. It is not here any
    /// more, so that what is computed from it can take its place in memory.
    ///
    /// # Errors
    /// [`Error::MissingTensor`] or [`Error::TensorShape`].
    pub fn take(&mut self, name: &str, dims: &[usize]) -> Result<Tensor> {
        let tensor = self
            .tensors
            .remove(name)
            .ok_or_else(|| Error::MissingTensor {
                name: name.into(),
                expected: dims.into(),
            })?;
        if tensor.dims() != dims {
            return Err(Error::TensorShape {
                name: name.into(),
                expected: dims.into(),
                got: tensor.dims().into(),
            });
        }
        Ok(tensor)
    }

    /// Every name with its tensor, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// A short name for these very weights: a hash over all names, shapes and
    /// 64 values of each tensor rounded to f16, so that a file and its f16 copy
    /// agree, whatever their naming, and a large model costs little.
    pub fn fingerprint(&self) -> Result<String> {
        let mut hash = Sha256::new();
        for (name, tensor) in &self.tensors {
            hash.update(name.as_bytes());
            hash.update(format!("{:?}", tensor.dims()).as_bytes());
            let flat = tensor.flatten_all()?;
            let count = flat.elem_count();
            let step = count.div_ceil(64).max(1);
            let index: Vec<u32> = (0..count).step_by(step).map(|i| i as u32).collect();
            let index = Tensor::new(index, tensor.device())?;
            for value in flat.index_select(&index, 0)?.to_vec1::<f32>()? {
                hash.update(half::f16::from_f32(value).to_le_bytes());
            }
        }
        let digest = hash.finalize();
        Ok(digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect())
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
