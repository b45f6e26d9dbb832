//! What follows the product of a linear layer.

use candle_core::backend::BackendStorage;
use candle_core::cuda::CudaStorageSlice;
use candle_core::{CudaStorage, Layout, Result, Shape, bail, op};

use super::{Real, changed, launch, operand};
use crate::ops::cuda::{AddBias, Address};

/// `y [.., C]` plus `bias [C]`: in place, where there is a kernel for the type.
pub(in crate::ops) fn add_bias(
    operation: &str,
    mut y: CudaStorage,
    shape: &Shape,
    bias: &CudaStorage,
    bias_layout: &Layout,
) -> Result<CudaStorage> {
    let width = bias_layout.shape().elem_count();
    if shape.dims().last() != Some(&width) {
        bail!("{operation}: y is {shape:?}, the bias [{width}]");
    }
    let device = y.device().clone();
    let stream = device.cuda_stream();
    let add = |y: Address, real: Real| {
        let bias = operand(operation, bias, bias_layout, &stream)?;
        if bias.real != real {
            bail!("{operation} needs operands of one type");
        }
        let kernel = AddBias {
            y,
            bias: bias.address,
            count: shape.elem_count() as u64,
            width: width as u32,
        };
        // SAFETY: y is contiguous, of rows as long as the bias.
        unsafe { launch(&device, kernel, real) }
    };
    match &mut y.slice {
        CudaStorageSlice::F32(values) => changed(values, &stream, |y| add(y, Real::F32))?,
        CudaStorageSlice::BF16(values) => changed(values, &stream, |y| add(y, Real::Bf16))?,
        _ => {
            let bias_layout = bias_layout.broadcast_as(shape)?;
            return y.binary_impl::<op::Add>(bias, &Layout::contiguous(shape), &bias_layout);
        }
    }
    Ok(y)
}
