//! QuickGELU and its gradient.

use candle_core::backend::BackendStorage;
use candle_core::{CudaStorage, Layout, Result, Shape, bail};

use super::{common, launch, operand, written};
use crate::ops::cuda::{QuickGelu, QuickGeluGrad};

/// `x → y`
pub(in crate::ops) fn quick_gelu(
    operation: &str,
    x: &CudaStorage,
    layout: &Layout,
) -> Result<(CudaStorage, Shape)> {
    let device = x.device();
    let stream = device.cuda_stream();
    let count = layout.shape().elem_count();
    let x = operand(operation, x, layout, &stream)?;
    let y = written(device, x.real, count, |y| {
        let kernel = QuickGelu {
            x: x.address,
            y,
            count: count as u64,
        };
        // SAFETY: both are of `count` values.
        unsafe { launch(device, kernel, x.real) }
    })?;
    Ok((y, layout.shape().clone()))
}

/// `(x, grad) → grad_x`
pub(in crate::ops) fn quick_gelu_grad(
    operation: &str,
    x: &CudaStorage,
    layout: &Layout,
    grad: &CudaStorage,
    grad_layout: &Layout,
) -> Result<(CudaStorage, Shape)> {
    let device = x.device();
    let stream = device.cuda_stream();
    let count = layout.shape().elem_count();
    if grad_layout.shape().elem_count() != count {
        bail!(
            "{operation}: x {:?}, grad {:?}",
            layout.dims(),
            grad_layout.dims()
        );
    }
    let x = operand(operation, x, layout, &stream)?;
    let grad = operand(operation, grad, grad_layout, &stream)?;
    let real = common(operation, &[&x, &grad])?;
    let grad_x = written(device, real, count, |grad_x| {
        let kernel = QuickGeluGrad {
            x: x.address,
            grad: grad.address,
            grad_x,
            count: count as u64,
        };
        // SAFETY: all three are of `count` values.
        unsafe { launch(device, kernel, real) }
    })?;
    Ok((grad_x, layout.shape().clone()))
}
