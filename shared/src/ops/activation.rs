//! The activations of CLIP's feed-forward layers.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

#[cfg(feature = "cuda")]
use super::cuda::device;
use super::erf::erf;
use super::exp::exp;
use super::number::{Each, Number, each_in_place};
use super::{contiguous, has_own_body, is_cpu_f32};
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
        let has_own_body = match self {
            Self::QuickGelu => has_own_body(x),
            Self::Gelu => is_cpu_f32(x),
        };
        if has_own_body {
            return x.contiguous()?.apply_op1(Activate(self));
        }
        #[cfg(target_arch = "wasm32")]
        bail!(
            "activation: {:?} of {:?}; expected f32",
            x.dims(),
            x.dtype()
        );
        #[cfg(not(target_arch = "wasm32"))]
        self.composed(x)
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn composed(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::QuickGelu => {
                // By way of tanh: an exponential would overflow for small x, and its
                // gradient with it.
                let half = (x * f64::from(SLOPE / 2.0))?;
                x * half.tanh()?.affine(0.5, 0.5)?
            }
            Self::Gelu => x.gelu_erf(),
        }
    }

    /// The gradient of `x`, f32 on the CPU, given that of what [`Self::forward`] makes of it.
    pub(super) fn gradient(self, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        x.apply_op2_no_bwd(grad, &Differentiate(self))
    }

    /// Applies it to values where they are.
    pub(super) fn in_place(self, values: &mut [f32]) {
        activate(self, values);
    }
}

/// Slope of the sigmoid in QuickGELU (openai/CLIP `clip/model.py`).
const SLOPE: f32 = 1.702;
/// 1 / √(2π)
const DENSITY: f32 = 0.398_942_3;

/// Values handled by one task.
const TASK: usize = 1 << 14;

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn activate(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::QuickGelu => each_in_place(values, &QuickGelu),
        Activation::Gelu => each_in_place(values, &Gelu),
    }
}

/// Values become their gradients, given those of what is made of them.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn differentiate(activation: Activation, values: &mut [f32], grad: &[f32]) {
    match activation {
        Activation::QuickGelu => each_in_place(values, &SlopeOfQuickGelu),
        Activation::Gelu => each_in_place(values, &SlopeOfGelu),
    }
    let values = values.iter_mut().zip(grad);
    values.for_each(|(value, grad)| *value *= grad);
}

struct QuickGelu;

impl Each for QuickGelu {
    #[inline(always)]
    fn of<N: Number>(&self, x: N) -> N {
        x.over(N::splat(1.0).plus(exp(N::splat(-SLOPE).times(x))))
    }
}

struct SlopeOfQuickGelu;

impl Each for SlopeOfQuickGelu {
    #[inline(always)]
    fn of<N: Number>(&self, x: N) -> N {
        let (one, scaled) = (N::splat(1.0), N::splat(SLOPE).times(x));
        let sigmoid = one.over(one.plus(exp(N::splat(0.0).minus(scaled))));
        sigmoid.times(one.plus(scaled.times(one.minus(sigmoid))))
    }
}

struct Gelu;

impl Gelu {
    /// Φ(x): the share of a normal distribution that is below `x`.
    #[inline(always)]
    fn below<N: Number>(x: N) -> N {
        let erf = erf(x.times(N::splat(std::f32::consts::FRAC_1_SQRT_2)));
        N::splat(0.5).plus(N::splat(0.5).times(erf))
    }
}

impl Each for Gelu {
    #[inline(always)]
    fn of<N: Number>(&self, x: N) -> N {
        x.times(Self::below(x))
    }
}

struct SlopeOfGelu;

impl Each for SlopeOfGelu {
    #[inline(always)]
    fn of<N: Number>(&self, x: N) -> N {
        let density = N::splat(DENSITY).times(exp(N::splat(-0.5).times(x.times(x))));
        Gelu::below(x).plus(x.times(density))
    }
}

struct Activate(Activation);

impl CustomOp1 for Activate {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), x, layout)?;
        let mut y = x.to_vec();
        y.par_chunks_mut(TASK)
            .for_each(|values| activate(self.0, values));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        match self.0 {
            Activation::QuickGelu => device::quick_gelu(self.name(), x, layout),
            Activation::Gelu => bail!("there is no kernel for GELU"),
        }
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let operation = Differentiate(self.0);
        Ok(Some(x.apply_op2_no_bwd(&grad.contiguous()?, &operation)?))
    }
}

/// `(x, grad) → grad_x`
struct Differentiate(Activation);

impl CustomOp2 for Differentiate {
    fn name(&self) -> &'static str {
        "activation-grad"
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
        if x.len() != grad.len() {
            bail!(
                "{}: {} values, {} gradients",
                self.name(),
                x.len(),
                grad.len()
            );
        }
        let mut grad_x = x.to_vec();
        grad_x
            .par_chunks_mut(TASK)
            .zip(grad.par_chunks(TASK))
            .for_each(|(values, grad)| differentiate(self.0, values, grad));
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
        match self.0 {
            Activation::QuickGelu => {
                device::quick_gelu_grad(self.name(), x, layout, grad, grad_layout)
            }
            Activation::Gelu => bail!("there is no kernel for GELU's gradient"),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor, Var};

    use super::Activation;
    use crate::ops::fixture::values;

    /// `[40]`, from −6 to 6.
    fn x() -> Result<Tensor> {
        values(&[40])? * 6.0
    }

    #[test]
    fn gelu_and_its_gradient_are_those_of_the_library() -> Result<()> {
        let (x, grad) = (Var::from_tensor(&x()?)?, values(&[40])?);
        let of = |y: &Tensor| -> Result<Tensor> {
            let gradients = (y * &grad)?.sum_all()?.backward()?;
            Ok(gradients.get(&x).expect("x is a variable").clone())
        };
        let (expected, got) = (x.gelu_erf()?, Activation::Gelu.forward(&x)?);
        for (expected, got) in [(&expected, &got), (&of(&expected)?, &of(&got)?)] {
            let error = (expected - got)?.abs()?.max(0)?.to_scalar::<f32>()?;
            assert!(error < 1e-6, "{error}");
        }
        Ok(())
    }

    #[test]
    fn in_place_it_is_the_same_to_the_bit() -> Result<()> {
        for activation in [Activation::QuickGelu, Activation::Gelu] {
            let mut values = x()?.to_vec1::<f32>()?;
            activation.in_place(&mut values);
            assert_eq!(values, activation.forward(&x()?)?.to_vec1::<f32>()?);
        }
        Ok(())
    }
}
