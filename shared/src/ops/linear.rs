//! `y = x·Wᵀ + b`, which differentiates a frozen `W` not at all.

#[cfg(not(target_arch = "wasm32"))]
mod of_storage;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

use super::matmul::{Matrix, matmul};
use super::rectangles::Threads;
use super::{contiguous, is_cpu_f32};

/// A linear layer: `x [.., in]`, `weight [out, in]`, `bias [out]` → `[.., out]`.
///
/// The weight may lie as it likes, row by row or column by column, whole or a part.
///
/// If the weight or bias is trained (a variable, or computed from one), all
/// gradients flow. If both are frozen, only the gradient of `x` is computed:
/// candle's own product computes both, a third of a training step for nothing.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (outputs, _) = weight.dims2()?;
    if is_cpu_f32(x) {
        let bias = match bias {
            Some(bias) => bias.contiguous()?,
            None => Tensor::zeros(outputs, DType::F32, x.device())?,
        };
        let x = x.contiguous()?;
        return x.apply_op3(weight, &bias, Linear);
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        of_storage::linear(x, weight, bias)
    }
    #[cfg(target_arch = "wasm32")]
    {
        bail!("linear: {:?} of {:?}; expected f32", x.dims(), x.dtype())
    }
}

struct Linear;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (outputs, inputs) = weight_layout.shape().dims2()?;
        let shape = shape_of_result(x_layout, [outputs, inputs])?;
        let x = contiguous(self.name(), x, x_layout)?;
        let weight = matrix(weight, weight_layout)?.transposed(); // [in, out]
        let rows = x.len() / inputs;
        let mut y = contiguous(self.name(), bias, bias_layout)?.repeat(rows);
        matmul(
            [rows, inputs, outputs],
            Matrix::rows(x, inputs),
            weight,
            &mut y,
            outputs,
            true,
            1.0,
            Threads::All,
        );
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (outputs, _) = weight.dims2()?;
        let grad = grad.contiguous()?.detach().reshape(((), outputs))?;
        let of_x = gradient_of_input(x, weight, &grad)?;
        let of_weight = gradient_of_weight(x, weight, &grad)?;
        let of_bias = match bias.track_op() {
            true => Some(grad.apply_op2_no_bwd(bias, &ColumnSums)?), // [out]
            false => None,
        };
        Ok((of_x, of_weight, of_bias))
    }
}

/// The gradient of `x [.., in]`, if it is asked for; pixels need none. `grad [rows, out]`.
fn gradient_of_input(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
    Ok(match x.track_op() {
        true => Some(times(grad, &weight.detach())?.reshape(x.shape())?),
        false => None,
    })
}

/// The gradient of `weight [out, in]`, if it is asked for; a frozen one needs none.
/// `grad [rows, out]`.
fn gradient_of_weight(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
    let (_, inputs) = weight.dims2()?;
    Ok(match weight.track_op() {
        true => Some(grad.t()?.matmul(&x.detach().reshape(((), inputs))?)?),
        false => None,
    })
}

/// The shape of `x [.., in]` behind a weight `[out, in]`: `[.., out]`.
pub(super) fn shape_of_result(x: &Layout, [outputs, inputs]: [usize; 2]) -> Result<Shape> {
    let mut dims = x.dims().to_vec();
    match dims.last_mut() {
        Some(last) if *last == inputs => *last = outputs,
        _ => bail!("linear: x is {dims:?}, weight [{outputs}, {inputs}]"),
    }
    Ok(Shape::from(dims))
}

/// The values of a matrix, wherever they lie.
pub(super) fn matrix<'a>(values: &'a CpuStorage, layout: &Layout) -> Result<Matrix<'a>> {
    let values = values.as_slice::<f32>()?;
    let strides = layout.stride();
    layout.shape().dims2()?;
    Ok(Matrix {
        values: &values[layout.start_offset()..],
        row_stride: strides[0],
        column_stride: strides[1],
    })
}

/// `a [m, k]`, `b [k, n]` → `[m, n]`, without a gradient.
pub(super) fn times(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match is_cpu_f32(a) {
        true => a.apply_op2_no_bwd(b, &Times),
        false => a.matmul(b),
    }
}

struct Times;

impl CustomOp2 for Times {
    fn name(&self) -> &'static str {
        "times"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (m, k) = a_layout.shape().dims2()?;
        let (_, n) = b_layout.shape().dims2()?;
        let mut out = vec![0f32; m * n];
        let (a, b) = (matrix(a, a_layout)?, matrix(b, b_layout)?);
        matmul([m, k, n], a, b, &mut out, n, false, 1.0, Threads::All);
        Ok((CpuStorage::F32(out), Shape::from((m, n))))
    }
}

/// `(x [rows, C], any [C])` → the sum of each column `[C]`.
struct ColumnSums;

impl CustomOp2 for ColumnSums {
    fn name(&self) -> &'static str {
        "column-sums"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        columns: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), x, layout)?;
        let mut sums = vec![0f32; columns.shape().elem_count()];
        for row in x.chunks_exact(sums.len().max(1)) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        Ok((CpuStorage::F32(sums), columns.shape().clone()))
    }
}
