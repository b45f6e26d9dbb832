//! Values that are set to zero at random.

use candle_core::backend::BackendStorage;
use candle_core::{CudaStorage, DType, Layout, Result, Shape, bail};

use super::{address_of, launch, operand, written};
use crate::ops::{self, cuda};

/// `x → y`
pub(in crate::ops) fn dropout(
    operation: &str,
    dropout: &ops::Dropout,
    x: &CudaStorage,
    layout: &Layout,
) -> Result<(CudaStorage, Shape)> {
    let device = x.device();
    let stream = device.cuda_stream();
    let count = layout.shape().elem_count();
    let told = match &dropout.key {
        Some(key) if key.elem_count() != 8 || key.dtype() != DType::U32 => {
            bail!("{operation}: a key {key:?}; expected [8] in u32")
        }
        Some(key) => address_of(operation, key, device)?,
        None => 0,
    };
    let x = operand(operation, x, layout, &stream)?;
    let y = written(device, x.real, count, |y| {
        let kernel = cuda::Dropout {
            x: x.address,
            y,
            told,
            count: count as u64,
            stream: dropout.stream,
            bound: dropout.bound(),
            key: ops::Dropout::key_of(dropout.seed),
            factor: dropout.factor(),
        };
        // SAFETY: both are of `count` values, and a key of eight is there.
        unsafe { launch(device, kernel, x.real) }
    })?;
    Ok((y, layout.shape().clone()))
}
