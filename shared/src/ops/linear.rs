//! `y = x·Wᵀ + b`, which differentiates a frozen `W` not at all.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

use super::matmul::{Matrix, Threads, matmul};
use super::{contiguous, is_cpu_f32};

/// A linear layer: `x [.., in]`, `weight [out, in]`, `bias [out]` → `[.., out]`.
///
/// The weight may lie as it likes, row by row or column by column, whole or a part.
///
/// If the weight or bias is trained (a variable, or computed from one), all
/// gradients flow. If both are frozen, only the gradient of `x` is computed:
/// candle's own product computes both, a third of a training step for nothing.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (outputs, inputs) = weight.dims2()?;
    if is_cpu_f32(x) {
        let bias = match bias {
            Some(bias) => bias.contiguous()?,
            None => Tensor::zeros(outputs, DType::F32, x.device())?,
        };
        let x = x.contiguous()?;
        return x.apply_op3(weight, &bias, Linear);
    }
    let mut dims = x.dims().to_vec(); // [.., in]
    let rows = x.elem_count() / inputs.max(1);
    // candle multiplies by a whole matrix or its transpose, not by a part.
    let weight = match weight.is_contiguous() {
        true => weight.t()?,
        false => weight.t()?.contiguous()?,
    };
    let y = x.reshape((rows, inputs))?.matmul(&weight)?; // [rows, out]
    let y = match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    y.reshape(dims) // [.., out]
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
        let (outputs, inputs) = weight.dims2()?;
        let rows = x.elem_count() / inputs.max(1);
        let grad = grad.contiguous()?.detach().reshape((rows, outputs))?;
        // What is not tracked needs no gradient: pixels, or frozen weights.
        let grad_x = match x.track_op() {
            true => Some(times(&grad, &weight.detach())?.reshape(x.shape())?),
            false => None,
        };
        if !weight.track_op() && !bias.track_op() {
            return Ok((grad_x, None, None));
        }
        let x = x.detach().reshape((rows, inputs))?;
        let grad_weight = grad.t()?.matmul(&x)?; // [out, in]
        let grad_bias = grad.apply_op2_no_bwd(bias, &ColumnSums)?; // [out]
        Ok((grad_x, Some(grad_weight), Some(grad_bias)))
    }
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
