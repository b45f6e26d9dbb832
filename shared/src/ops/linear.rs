//! `y = x·Wᵀ + b`, which differentiates a frozen `W` not at all.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

use super::matmul::{Matrix, Threads, matmul};
use super::{contiguous, is_cpu_f32};

/// A linear layer: `x [.., in]`, `weight [out, in]`, `bias [out]` → `[.., out]`.
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
        return x.apply_op3(&weight.contiguous()?, &bias, Linear);
    }
    let mut dims = x.dims().to_vec(); // [.., in]
    let rows = x.elem_count() / inputs.max(1);
    let y = x.reshape((rows, inputs))?.matmul(&weight.t()?)?; // [rows, out]
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
        let mut dims = x_layout.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == inputs => *last = outputs,
            _ => bail!(
                "linear: x is {:?}, weight [{outputs}, {inputs}]",
                x_layout.dims()
            ),
        }
        let x = contiguous(self.name(), x, x_layout)?;
        let weight = contiguous(self.name(), weight, weight_layout)?;
        let rows = x.len() / inputs;
        let mut y = contiguous(self.name(), bias, bias_layout)?.repeat(rows);
        matmul(
            [rows, inputs, outputs],
            Matrix::rows(x, inputs),
            Matrix::rows(weight, inputs).transposed(),
            &mut y,
            outputs,
            true,
            1.0,
            Threads::All,
        );
        Ok((CpuStorage::F32(y), Shape::from(dims)))
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
            true => Some(grad.matmul(&weight.detach())?.reshape(x.shape())?),
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
