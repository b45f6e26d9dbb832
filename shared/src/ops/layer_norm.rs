//! LayerNorm over the last dimension.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{
    CpuStorage, CustomOp2, CustomOp3, D, DType, Layout, Result, Shape, Tensor, bail,
};
use multiversion::multiversion;

#[cfg(feature = "cuda")]
use super::cuda::device;
use super::lanes::{First, ProductFrom, SquareFrom, sum, sum_of};
use super::number::{Four, Lanes, Number};
use super::{contiguous, has_own_body};
use crate::parallel::*;

/// `(x − mean) / √(variance + epsilon) · weight + bias` over the last dimension:
/// `x [.., C]`, `weight [C]`, `bias [C]` → `[.., C]` (the biased variance, as
/// PyTorch's).
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    if has_own_body(x) {
        let operation = LayerNorm {
            epsilon: epsilon as f32,
        };
        return x.contiguous()?.apply_op3(weight, bias, operation);
    }
    // Half precision is only how the values lie: a frozen weight gets no gradient there too.
    #[cfg(not(target_arch = "wasm32"))]
    if matches!(x.dtype(), DType::F16 | DType::BF16) {
        let [of_x, weight, bias] = [x, weight, bias].map(|tensor| tensor.to_dtype(DType::F32));
        return layer_norm(&of_x?, &weight?, &bias?, epsilon)?.to_dtype(x.dtype());
    }
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred
        .broadcast_div(&(variance + epsilon)?.sqrt()?)?
        .to_dtype(dtype)?
        .broadcast_mul(weight)?
        .broadcast_add(bias)
}

/// The gradient of `x`, given that of `layer_norm(x, weight, ..)`, where that has a body of
/// its own.
pub(super) fn gradient_of_x(
    x: &Tensor,
    weight: &Tensor,
    grad: &Tensor,
    epsilon: f32,
) -> Result<Tensor> {
    x.contiguous()?
        .apply_op3_no_bwd(weight, grad, &GradX { epsilon })
}

/// Rows handled by one task: enough work to be worth a task switch.
const ROWS_PER_TASK: usize = 32;

/// Mean and 1/√(variance + epsilon) of a row.
#[inline(always)]
fn statistics(row: &[f32], epsilon: f32) -> (f32, f32) {
    let count = row.len() as f32;
    let mean = sum(row, &First) / count;
    let variance = sum(row, &SquareFrom(mean)) / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Rows of `x` → rows of `y`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn normalise_rows(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = weight.len();
    for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let (mean, scale) = statistics(x, epsilon);
        if cfg!(target_arch = "wasm32") {
            normalise_by_fours::<Lanes>(x, (mean, scale), weight, bias, y);
            continue;
        }
        let both = weight.iter().zip(bias);
        for ((y, x), (weight, bias)) in y.iter_mut().zip(x).zip(both) {
            *y = normalised(*x, (mean, scale), *weight, *bias);
        }
    }
}

#[inline(always)]
fn normalised<N: Number>(x: N, (mean, scale): (f32, f32), weight: N, bias: N) -> N {
    let centred = x.minus(N::splat(mean));
    centred.times(N::splat(scale)).times(weight).plus(bias)
}

#[inline(always)]
fn normalise_by_fours<V: Four>(
    x: &[f32],
    statistics: (f32, f32),
    weight: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    let ((x, last_x), (y, last_y)) = (x.as_chunks::<4>(), y.as_chunks_mut::<4>());
    let ((weight, last_weight), (bias, last_bias)) =
        (weight.as_chunks::<4>(), bias.as_chunks::<4>());
    for ((y, x), (weight, bias)) in y.iter_mut().zip(x).zip(weight.iter().zip(bias)) {
        let (weight, bias) = (V::load(weight), V::load(bias));
        normalised(V::load(x), statistics, weight, bias).store(y);
    }
    let both = last_weight.iter().zip(last_bias);
    for ((y, x), (weight, bias)) in last_y.iter_mut().zip(last_x).zip(both) {
        *y = normalised(*x, statistics, *weight, *bias);
    }
}

/// The gradient of each row of `x`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn differentiate_rows(x: &[f32], weight: &[f32], grad: &[f32], epsilon: f32, grad_x: &mut [f32]) {
    let width = weight.len();
    let rows = x.chunks_exact(width).zip(grad.chunks_exact(width));
    for (grad_x, (x, grad)) in grad_x.chunks_exact_mut(width).zip(rows) {
        let (mean, scale) = statistics(x, epsilon);
        for ((g, grad), weight) in grad_x.iter_mut().zip(grad).zip(weight) {
            *g = grad * weight;
        }
        let mean_grad = sum(grad_x, &First) / width as f32;
        let product = sum_of(grad_x, x, &ProductFrom(mean));
        let product = product * scale * scale / width as f32;
        for (g, x) in grad_x.iter_mut().zip(x) {
            *g = scale * (*g - mean_grad - (x - mean) * product);
        }
    }
}

struct LayerNorm {
    epsilon: f32,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
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
        let weight = contiguous(self.name(), weight, weight_layout)?;
        let bias = contiguous(self.name(), bias, bias_layout)?;
        let x = contiguous(self.name(), x, x_layout)?;
        let width = weight.len();
        if x_layout.dims().last() != Some(&width) || bias.len() != width {
            bail!("layer-norm: x is {:?}, weight [{width}]", x_layout.dims());
        }
        let mut y = vec![0f32; x.len()];
        y.par_chunks_mut(width * ROWS_PER_TASK)
            .zip(x.par_chunks(width * ROWS_PER_TASK))
            .for_each(|(y, x)| normalise_rows(x, weight, bias, self.epsilon, y));
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
        bias: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (weight, bias) = ((weight, weight_layout), (bias, bias_layout));
        device::layer_norm(self.name(), (x, x_layout), weight, bias, self.epsilon)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let epsilon = self.epsilon;
        let grad_x = gradient_of_x(x, weight, &grad, epsilon)?;
        if !weight.track_op() && !bias.track_op() {
            return Ok((Some(grad_x), None, None));
        }
        let both = x.apply_op2_no_bwd(&grad, &GradWeightBias { epsilon })?; // [2, C]
        Ok((Some(grad_x), Some(both.get(0)?), Some(both.get(1)?)))
    }
}

/// `(x, weight, grad) → grad_x`.
struct GradX {
    epsilon: f32,
}

impl CustomOp3 for GradX {
    fn name(&self) -> &'static str {
        "layer-norm-grad-x"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), x, x_layout)?;
        let weight = contiguous(self.name(), weight, weight_layout)?;
        let grad = contiguous(self.name(), grad, grad_layout)?;
        let width = weight.len();
        let mut grad_x = vec![0f32; x.len()];
        let task = width * ROWS_PER_TASK;
        grad_x
            .par_chunks_mut(task)
            .zip(x.par_chunks(task).zip(grad.par_chunks(task)))
            .for_each(|(grad_x, (x, grad))| {
                differentiate_rows(x, weight, grad, self.epsilon, grad_x);
            });
        Ok((CpuStorage::F32(grad_x), x_layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
        grad: &CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (weight, grad) = ((weight, weight_layout), (grad, grad_layout));
        device::layer_norm_grad_x(self.name(), (x, x_layout), weight, grad, self.epsilon)
    }
}

/// `(x, grad) → [grad_weight, grad_bias]`.
struct GradWeightBias {
    epsilon: f32,
}

impl CustomOp2 for GradWeightBias {
    fn name(&self) -> &'static str {
        "layer-norm-grad-weight-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(self.name(), x, x_layout)?;
        let grad = contiguous(self.name(), grad, grad_layout)?;
        let width = x_layout.dims().last().copied().unwrap_or(1);
        let mut both = vec![0f32; 2 * width];
        let (grad_weight, grad_bias) = both.split_at_mut(width);
        // One task, in row order: the sum is the same however many cores there are.
        for (x, grad) in x.chunks_exact(width).zip(grad.chunks_exact(width)) {
            let (mean, scale) = statistics(x, self.epsilon);
            for i in 0..width {
                grad_weight[i] += grad[i] * (x[i] - mean) * scale;
                grad_bias[i] += grad[i];
            }
        }
        Ok((CpuStorage::F32(both), Shape::from((2, width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        grad: &CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (x, grad) = ((x, x_layout), (grad, grad_layout));
        device::layer_norm_grad_weight_bias(self.name(), x, grad, self.epsilon)
    }
}

#[cfg(test)]
mod tests {
    use super::{normalise_by_fours, normalise_rows, statistics};

    #[test]
    fn four_at_once_are_as_one_by_one_to_the_bit() {
        for width in 1..23 {
            let value = |at: usize| (at as f32 * 0.71).sin();
            let [x, weight, bias] = [0, 40, 80]
                .map(|first| -> Vec<f32> { (first..first + width).map(value).collect() });
            let (mut expected, mut got) = (vec![0.0; width], vec![0.0; width]);
            normalise_rows(&x, &weight, &bias, 1e-5, &mut expected);
            normalise_by_fours::<[f32; 4]>(&x, statistics(&x, 1e-5), &weight, &bias, &mut got);
            assert_eq!(got, expected, "{width}");
        }
    }
}
