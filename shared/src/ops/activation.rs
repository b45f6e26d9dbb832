//! The activations of CLIP's feed-forward layers.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, Var, bail};
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

#[cfg(feature = "cuda")]
use super::cuda::device;
use super::exp::exp;
use super::number::{Each, Number, each};
use super::{contiguous, has_own_body};
use crate::parallel::*;

/// Which activation a model was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x · sigmoid(1.702 x)`: OpenAI's weights.
    QuickGelu,
    /// `x · Φ(x)`, exactly: most open_clip weights.
    Gelu,
}

impl Activation {
    /// Applies the activation to each value; the shape stays.
    pub fn forward(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::QuickGelu => quick_gelu(x),
            Self::Gelu => x.gelu_erf(),
        }
    }

    /// The gradient of `x`, f32 on the CPU, given that of what [`Self::forward`] makes of it.
    pub(super) fn gradient(self, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        match self {
            Self::QuickGelu => x.apply_op2_no_bwd(grad, &QuickGeluGrad),
            Self::Gelu => {
                let x = Var::from_tensor(x)?;
                let product = (self.forward(&x)? * grad)?;
                match product.backward()?.remove(&x) {
                    Some(of_x) => Ok(of_x),
                    None => bail!("gelu: no gradient"),
                }
            }
        }
    }
}

/// Slope of the sigmoid in QuickGELU (openai/CLIP `clip/model.py`).
const SLOPE: f32 = 1.702;

/// `x · sigmoid(1.702 x)` for each value; the shape stays.
pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    if has_own_body(x) {
        return x.contiguous()?.apply_op1(QuickGelu);
    }
    // By way of tanh: an exponential would overflow for small x, and its gradient with it.
    let sigmoid = ((x * f64::from(SLOPE / 2.0))?.tanh()?.affine(0.5, 0.5))?;
    x * sigmoid
}

/// Values handled by one task.
const TASK: usize = 1 << 14;

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn activate(x: &[f32], y: &mut [f32]) {
    each(x, y, &QuickGelu);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn differentiate(x: &[f32], grad: &[f32], grad_x: &mut [f32]) {
    for ((grad_x, &x), &grad) in grad_x.iter_mut().zip(x).zip(grad) {
        let sigmoid = 1.0 / (1.0 + exp(-SLOPE * x));
        *grad_x = grad * sigmoid * (1.0 + SLOPE * x * (1.0 - sigmoid));
    }
}

struct QuickGelu;

impl Each for QuickGelu {
    #[inline(always)]
    fn of<N: Number>(&self, x: N) -> N {
        x.over(N::splat(1.0).plus(exp(N::splat(-SLOPE).times(x))))
    }
}

impl CustomOp1 for QuickGelu {
    fn name(&self) -> &'static str {
        "quick-gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), x, layout)?;
        let mut y = vec![0f32; x.len()];
        y.par_chunks_mut(TASK)
            .zip(x.par_chunks(TASK))
            .for_each(|(y, x)| activate(x, y));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        device::quick_gelu(self.name(), x, layout)
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(
            x.apply_op2_no_bwd(&grad.contiguous()?, &QuickGeluGrad)?,
        ))
    }
}

struct QuickGeluGrad;

impl CustomOp2 for QuickGeluGrad {
    fn name(&self) -> &'static str {
        "quick-gelu-grad"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), x, layout)?;
        let grad = contiguous(self.name(), grad, grad_layout)?;
        let mut grad_x = vec![0f32; x.len()];
        grad_x
            .par_chunks_mut(TASK)
            .zip(x.par_chunks(TASK).zip(grad.par_chunks(TASK)))
            .for_each(|(grad_x, (x, grad))| differentiate(x, grad, grad_x));
        Ok((CpuStorage::F32(grad_x), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        layout: &Layout,
        grad: &CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        device::quick_gelu_grad(self.name(), x, layout, grad, grad_layout)
    }
}
