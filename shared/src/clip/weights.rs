//! Tensors by name, with the shape each reader expects.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use crate::error::{Dims, Error, Result};

/// The tensors of a model, under the names of OpenAI's state dict
/// (openai/CLIP `clip/model.py`).
#[derive(Debug, Clone)]
pub struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Tensors that are already there: variables in training, or a test's.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        Self {
            tensors: tensors.into_iter().collect(),
        }
    }

    /// Reads a safetensors file, widening f16 and bf16 to f32.
    ///
    /// # Errors
    /// [`Error::Format`] if the header or an offset is wrong,
    /// [`Error::NotFinite`] if a tensor holds NaN or infinity.
    pub fn from_safetensors(bytes: &[u8], device: &Device) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| Error::format("the safetensors file", error))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let Some(dtype) = float_dtype(view.dtype()) else {
                continue; // buffers such as a causal mask or position ids
            };
            let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?
                .to_dtype(DType::F32)?;
            check_finite(&name, &tensor)?;
            tensors.insert(name, tensor.to_device(device)?);
        }
        Ok(Self { tensors })
    }

    /// The tensor `name`, which must have the shape `dims`.
    pub fn get(&self, name: &str, dims: &[usize]) -> Result<Tensor> {
        let tensor = self.tensors.get(name).ok_or_else(|| Error::MissingTensor {
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
        Ok(tensor.clone())
    }

    /// The shape of the tensor `name`, which must have `N` dimensions; the
    /// architecture is read from these. `expected` names the dimensions in the
    /// error.
    pub fn dims<const N: usize>(&self, name: &str, expected: [usize; N]) -> Result<[usize; N]> {
        let tensor = self.tensors.get(name).ok_or_else(|| Error::MissingTensor {
            name: name.into(),
            expected: expected.as_slice().into(),
        })?;
        tensor.dims().try_into().map_err(|_| Error::TensorShape {
            name: name.into(),
            expected: expected.as_slice().into(),
            got: Dims(tensor.dims().to_vec()),
        })
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Every name with its tensor, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// A short name for these very weights: a hash over all names, shapes and
    /// 64 values of each tensor rounded to f16, so that a file and its f16 copy
    /// agree and a large model costs little.
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

fn float_dtype(dtype: safetensors::Dtype) -> Option<DType> {
    match dtype {
        safetensors::Dtype::F32 => Some(DType::F32),
        safetensors::Dtype::F16 => Some(DType::F16),
        safetensors::Dtype::BF16 => Some(DType::BF16),
        safetensors::Dtype::F64 => Some(DType::F64),
        _ => None,
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
