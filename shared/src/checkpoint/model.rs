//! A whole model, as a file.

use std::collections::BTreeMap;

use candle_core::{DType, Device};
use half::f16;
use safetensors::tensor::TensorView;

use super::serialise;
use crate::clip::Weights;
use crate::error::{Error, Result};

/// The bytes of a safetensors file with every tensor of `weights` as f16, and
/// `metadata` in its header.
pub fn model_to_bytes(weights: &Weights, metadata: BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut buffers = Vec::new();
    for (name, tensor) in weights.iter() {
        let values = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F16)?;
        let values = values.flatten_all()?.to_vec1::<f16>()?;
        let bytes: Vec<u8> = values.into_iter().flat_map(f16::to_le_bytes).collect();
        buffers.push((name, tensor.dims().to_vec(), bytes));
    }
    let views = buffers
        .iter()
        .map(|(name, dims, bytes)| {
            let view = TensorView::new(safetensors::Dtype::F16, dims.clone(), bytes);
            Ok((*name, view.map_err(|error| Error::format(*name, error))?))
        })
        .collect::<Result<Vec<_>>>()?;
    serialise(views, metadata)
}
