//! LayerNorm and its gradients.

use candle_core::backend::BackendStorage;
use candle_core::{CudaStorage, Layout, Result, Shape, bail};

use super::{common, launch, operand, room, written};
use crate::ops::cuda::{LayerNorm, LayerNormGradWeightBias, LayerNormGradX, LayerNormStatistics};

/// A tensor in memory.
type Placed<'a> = (&'a CudaStorage, &'a Layout);

/// Rows and columns of `x [.., C]`.
fn shape(x: &Layout) -> [usize; 2] {
    let width = x.dims().last().copied().unwrap_or(1);
    [x.shape().elem_count() / width.max(1), width]
}

fn check(operation: &str, x: &Layout, others: &[&Layout]) -> Result<()> {
    let [_, width] = shape(x);
    let fits = |other: &&Layout| other.shape().elem_count() == width;
    match others.iter().all(fits) {
        true => Ok(()),
        false => bail!("{operation}: x is {:?}, not all others [{width}]", x.dims()),
    }
}

/// `(x, weight, bias) → y`
pub(in crate::ops) fn layer_norm(
    operation: &str,
    x: Placed<'_>,
    weight: Placed<'_>,
    bias: Placed<'_>,
    epsilon: f32,
) -> Result<(CudaStorage, Shape)> {
    check(operation, x.1, &[weight.1, bias.1])?;
    let device = x.0.device();
    let stream = device.cuda_stream();
    let [rows, width] = shape(x.1);
    let of = |(storage, layout)| operand(operation, storage, layout, &stream);
    let (in_x, in_weight, in_bias) = (of(x)?, of(weight)?, of(bias)?);
    let real = common(operation, &[&in_x, &in_weight, &in_bias])?;
    let y = written(device, real, rows * width, |y| {
        let kernel = LayerNorm {
            x: in_x.address,
            weight: in_weight.address,
            bias: in_bias.address,
            y,
            rows: rows as u32,
            width: width as u32,
            epsilon,
        };
        // SAFETY: the operands have the shapes that were checked, and so does the result.
        unsafe { launch(device, kernel, real) }
    })?;
    Ok((y, x.1.shape().clone()))
}

/// `(x, weight, grad) → grad_x`
pub(in crate::ops) fn layer_norm_grad_x(
    operation: &str,
    x: Placed<'_>,
    weight: Placed<'_>,
    grad: Placed<'_>,
    epsilon: f32,
) -> Result<(CudaStorage, Shape)> {
    check(operation, x.1, &[weight.1])?;
    let device = x.0.device();
    let stream = device.cuda_stream();
    let [rows, width] = shape(x.1);
    let of = |(storage, layout)| operand(operation, storage, layout, &stream);
    let (in_x, in_weight, in_grad) = (of(x)?, of(weight)?, of(grad)?);
    let real = common(operation, &[&in_x, &in_weight, &in_grad])?;
    let grad_x = written(device, real, rows * width, |grad_x| {
        let kernel = LayerNormGradX {
            x: in_x.address,
            weight: in_weight.address,
            grad: in_grad.address,
            grad_x,
            rows: rows as u32,
            width: width as u32,
            epsilon,
        };
        // SAFETY: the gradient has the shape of x, as candle gives it, and so has the result.
        unsafe { launch(device, kernel, real) }
    })?;
    Ok((grad_x, x.1.shape().clone()))
}

/// `(x, grad) → [grad_weight, grad_bias]`, `[2, C]`
pub(in crate::ops) fn layer_norm_grad_weight_bias(
    operation: &str,
    x: Placed<'_>,
    grad: Placed<'_>,
    epsilon: f32,
) -> Result<(CudaStorage, Shape)> {
    let device = x.0.device();
    let stream = device.cuda_stream();
    let [rows, width] = shape(x.1);
    let of = |(storage, layout)| operand(operation, storage, layout, &stream);
    let (in_x, in_grad) = (of(x)?, of(grad)?);
    let real = common(operation, &[&in_x, &in_grad])?;
    let both = written(device, real, 2 * width, |both| {
        room::<f32>(device, 2 * rows, |statistics| {
            let before = LayerNormStatistics {
                x: in_x.address,
                statistics,
                rows: rows as u32,
                width: width as u32,
                epsilon,
            };
            let kernel = LayerNormGradWeightBias {
                x: in_x.address,
                grad: in_grad.address,
                statistics,
                both,
                rows: rows as u32,
                width: width as u32,
            };
            // SAFETY: two statistics for each row, and otherwise as above; the memory is
            // given back behind the kernels, on their stream.
            unsafe {
                launch(device, before, real)?;
                launch(device, kernel, real)
            }
        })?;
        Ok(())
    })?;
    Ok((both, Shape::from((2, width))))
}
