//! Multi-head self-attention for short sequences, forward and backward fused.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::exp::exp;
use super::matmul::{Matrix, Threads, matmul};
use super::{contiguous, is_cpu_f32, softmax};

/// Scaled dot-product attention: `qkv [B, T, 3·C]` (queries, keys, values side
/// by side, heads inside each) → `[B, T, C]`. With `causal`, position `t` sees
/// only positions `0..=t`.
///
/// The `[T, T]` weights of a head live only while that head is computed, in the
/// forward and again in the backward pass: memory does not grow with `T²`.
pub fn self_attention(qkv: &Tensor, heads: usize, causal: bool) -> Result<Tensor> {
    let (_, _, triple) = qkv.dims3()?;
    if heads == 0 || triple % (3 * heads) != 0 {
        bail!("attention: {triple} columns cannot hold q, k and v of {heads} heads");
    }
    if is_cpu_f32(qkv) {
        return qkv.contiguous()?.apply_op1(SelfAttention { heads, causal });
    }
    composed(qkv, heads, causal)
}

/// The same function in candle operations, for other devices.
fn composed(qkv: &Tensor, heads: usize, causal: bool) -> Result<Tensor> {
    let (batch, length, triple) = qkv.dims3()?;
    let width = triple / 3;
    let head_width = width / heads;
    let split = qkv
        .reshape((batch, length, 3, heads, head_width))?
        .permute((2, 0, 3, 1, 4))? // [3, B, heads, T, head_width]
        .contiguous()?;
    let (q, k, v) = (split.get(0)?, split.get(1)?, split.get(2)?);
    let q = (q * (head_width as f64).powf(-0.5))?;
    let mut scores = q.matmul(&k.transpose(2, 3)?.contiguous()?)?; // [B, heads, T, T]
    if causal {
        let mask: Vec<f32> = (0..length * length)
            .map(|i| {
                if i % length > i / length {
                    f32::NEG_INFINITY
                } else {
                    0.0
                }
            })
            .collect();
        let mask = Tensor::from_vec(mask, (length, length), qkv.device())?;
        scores = scores.broadcast_add(&mask.to_dtype(qkv.dtype())?)?;
    }
    softmax(&scores)?
        .matmul(&v)? // [B, heads, T, head_width]
        .transpose(1, 2)?
        .reshape((batch, length, width))
}

/// Where one head of one sequence lies in `qkv`.
struct Head<'a> {
    q: Matrix<'a>,
    k: Matrix<'a>,
    v: Matrix<'a>,
    length: usize,
    head_width: usize,
}

impl<'a> Head<'a> {
    /// `sequence [T, 3·C]`.
    fn new(sequence: &'a [f32], length: usize, heads: usize, head: usize) -> Self {
        let row = sequence.len() / length;
        let head_width = row / 3 / heads;
        let at = |part: usize| Matrix::rows(&sequence[part * row / 3 + head * head_width..], row);
        Self {
            q: at(0),
            k: at(1),
            v: at(2),
            length,
            head_width,
        }
    }

    fn scale(&self) -> f32 {
        (self.head_width as f32).powf(-0.5)
    }

    /// The attention weights `[T, T]` into `weights`; masked ones are zero.
    fn weights(&self, causal: bool, weights: &mut [f32]) {
        let length = self.length;
        matmul(
            [length, self.head_width, length],
            self.q,
            self.k.transposed(),
            weights,
            length,
            false,
            self.scale(),
            Threads::One,
        );
        for (t, row) in weights.chunks_exact_mut(length).enumerate() {
            let seen = if causal { t + 1 } else { length };
            let (row, masked) = row.split_at_mut(seen);
            masked.fill(0.0);
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for x in row.iter_mut() {
                *x = exp(*x - largest);
            }
            let total: f32 = row.iter().sum();
            let inverse = 1.0 / total;
            for x in row.iter_mut() {
                *x *= inverse;
            }
        }
    }
}

struct SelfAttention {
    heads: usize,
    causal: bool,
}

impl CustomOp1 for SelfAttention {
    fn name(&self) -> &'static str {
        "self-attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = contiguous(self.name(), qkv, layout)?;
        let (batch, length, triple) = layout.shape().dims3()?;
        let width = triple / 3;
        let mut out = vec![0f32; batch * length * width];
        out.par_chunks_mut(length * width)
            .zip(qkv.par_chunks(length * triple))
            .for_each_init(
                || vec![0f32; length * length],
                |weights, (out, sequence)| {
                    for head in 0..self.heads {
                        let at = Head::new(sequence, length, self.heads, head);
                        at.weights(self.causal, weights);
                        matmul(
                            [length, length, at.head_width],
                            Matrix::rows(weights, length),
                            at.v,
                            &mut out[head * at.head_width..],
                            width,
                            false,
                            1.0,
                            Threads::One,
                        );
                    }
                },
            );
        Ok((CpuStorage::F32(out), Shape::from((batch, length, width))))
    }

    fn bwd(&self, qkv: &Tensor, _out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let operation = SelfAttentionGrad {
            heads: self.heads,
            causal: self.causal,
        };
        Ok(Some(qkv.apply_op2_no_bwd(&grad.contiguous()?, &operation)?))
    }
}

/// `(qkv, grad) → grad_qkv`.
struct SelfAttentionGrad {
    heads: usize,
    causal: bool,
}

impl CustomOp2 for SelfAttentionGrad {
    fn name(&self) -> &'static str {
        "self-attention-grad"
    }

    fn cpu_fwd(
        &self,
        qkv: &CpuStorage,
        layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let qkv = contiguous(self.name(), qkv, layout)?;
        let grad = contiguous(self.name(), grad, grad_layout)?;
        let (_, length, triple) = layout.shape().dims3()?;
        let mut grad_qkv = vec![0f32; qkv.len()];
        grad_qkv
            .par_chunks_mut(length * triple)
            .zip(qkv.par_chunks(length * triple))
            .zip(grad.par_chunks(length * triple / 3))
            .for_each_init(
                || (vec![0f32; length * length], vec![0f32; length * length]),
                |(weights, grad_weights), ((grad_sequence, sequence), grad_out)| {
                    for head in 0..self.heads {
                        let at = Head::new(sequence, length, self.heads, head);
                        at.weights(self.causal, weights);
                        head_grad(&at, head, weights, grad_weights, grad_out, grad_sequence);
                    }
                },
            );
        Ok((CpuStorage::F32(grad_qkv), layout.shape().clone()))
    }
}

/// The gradients of one head, given its attention weights `[T, T]`.
fn head_grad(
    at: &Head<'_>,
    head: usize,
    weights: &[f32],
    grad_weights: &mut [f32],
    grad_out: &[f32],
    grad_sequence: &mut [f32],
) {
    let (length, head_width) = (at.length, at.head_width);
    let width = grad_out.len() / length;
    let column = head * head_width;
    let grad_out = Matrix::rows(&grad_out[column..], width);
    let product = |shape, a, b, out: &mut [f32], stride, scale| {
        matmul(shape, a, b, out, stride, false, scale, Threads::One);
    };
    let to_rows = [length, length, head_width];

    // dV = Pᵀ·dO, dP = dO·Vᵀ
    let transposed = Matrix::rows(weights, length).transposed();
    product(
        to_rows,
        transposed,
        grad_out,
        &mut grad_sequence[2 * width + column..],
        3 * width,
        1.0,
    );
    product(
        [length, head_width, length],
        grad_out,
        at.v.transposed(),
        grad_weights,
        length,
        1.0,
    );

    // dS = P ∘ (dP − Σ dP∘P); a masked weight is zero, so its dS is too.
    let rows = weights.chunks_exact(length);
    for (grad_row, row) in grad_weights.chunks_exact_mut(length).zip(rows) {
        let dot: f32 = grad_row.iter().zip(row).map(|(g, p)| g * p).sum();
        for (g, p) in grad_row.iter_mut().zip(row) {
            *g = p * (*g - dot);
        }
    }

    // dQ = dS·K, dK = dSᵀ·Q
    let grad_scores = Matrix::rows(grad_weights, length);
    product(
        to_rows,
        grad_scores,
        at.k,
        &mut grad_sequence[column..],
        3 * width,
        at.scale(),
    );
    product(
        to_rows,
        grad_scores.transposed(),
        at.q,
        &mut grad_sequence[width + column..],
        3 * width,
        at.scale(),
    );
}
