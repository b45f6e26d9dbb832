//! `y = x·Wᵀ + b`, which differentiates a frozen `W` not at all.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Storage, Tensor, bail};

use super::matmul::{Matrix, Threads, matmul};
use super::{contiguous, is_cpu_f32};

/// A linear layer: `x [.., in]`, `weight [out, in]`, `bias [out]` → `[.., out]`.
///
/// If the weight is trained (a variable, or computed from one), both gradients
/// flow. If it is frozen, only the gradient of `x` is computed: candle's own
/// product computes both, a third of a training step for nothing.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let trained = weight.track_op() || bias.is_some_and(Tensor::track_op);
    if !trained && is_cpu_f32(x) {
        return x.contiguous()?.apply_op1(FrozenLinear {
            weight: weight.contiguous()?,
            bias: bias.map(Tensor::contiguous).transpose()?,
        });
    }
    let (outputs, inputs) = weight.dims2()?;
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

struct FrozenLinear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), storage, layout)?;
        let (outputs, inputs) = self.weight.dims2()?;
        let mut dims = layout.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == inputs => *last = outputs,
            _ => bail!("linear: x is {:?}, weight [{outputs}, {inputs}]", layout.dims()),
        }
        let rows = x.len() / inputs;
        let mut y = match &self.bias {
            Some(bias) => with_values(bias, |bias| bias.repeat(rows))?,
            None => vec![0f32; rows * outputs],
        };
        let keep = self.bias.is_some();
        with_values(&self.weight, |weight| {
            matmul(
                [rows, inputs, outputs],
                Matrix::rows(x, inputs),
                Matrix::rows(weight, inputs).transposed(),
                &mut y,
                outputs,
                keep,
                1.0,
                Threads::All,
            );
        })?;
        Ok((CpuStorage::F32(y), Shape::from(dims)))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (outputs, inputs) = self.weight.dims2()?;
        let rows = grad.elem_count() / outputs;
        let grad = grad.contiguous()?.reshape((rows, outputs))?.detach();
        let grad_x = grad.matmul(&self.weight.detach())?; // [rows, in]
        debug_assert_eq!(grad_x.elem_count(), rows * inputs);
        Ok(Some(grad_x.reshape(x.shape())?))
    }
}

/// Runs `f` on the values of a contiguous f32 tensor, without a copy.
fn with_values<R>(x: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(f(contiguous("linear", storage, layout)?)),
        _ => bail!("linear: the weight is not on the CPU"),
    }
}
