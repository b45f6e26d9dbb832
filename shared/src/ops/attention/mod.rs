//! Multi-head self-attention for short sequences, forward and backward fused.
//!
//! The weights of a head live only while that head is computed, in the forward and again
//! in the backward pass: memory does not grow with the square of a sequence's length.

mod composed;
mod fused;
mod head;
#[cfg(not(target_arch = "wasm32"))]
mod tiles;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail,
};

#[cfg(feature = "cuda")]
use super::cuda;
use super::sequences::Sequences;
use super::{contiguous, is_cpu_f32};
pub(super) use composed::Padded;
use fused::{Fused, Part};
#[cfg(not(target_arch = "wasm32"))]
pub use tiles::{TILE, Tiles};

/// Which queries there are, and what each of them sees of its own sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queries {
    /// One of every row, which sees all rows.
    Full,
    /// One of every row, which sees itself and the rows before it.
    Causal,
    /// One of each sequence, which sees all rows.
    OneEach,
}

/// Scaled dot-product attention: `qkv [R, 3·C]` (queries, keys, values side by side,
/// heads inside each), the rows those of `sequences` → `[R, C]`. With `causal`, a row sees
/// itself and those before it; only then can sequences share rows.
///
/// # Errors
/// If the shapes do not fit.
pub fn self_attention(
    qkv: &Tensor,
    sequences: &Sequences,
    heads: usize,
    causal: bool,
) -> Result<Tensor> {
    let (rows, triple) = qkv.dims2()?;
    check(sequences, rows, triple, 3, heads)?;
    if !causal && sequences.groups().iter().any(|group| group.shared > 0) {
        bail!("attention: rows that see what comes behind them cannot be shared");
    }
    if has_own_body(qkv, triple / 3 / heads) {
        let operation = SelfAttention::new(sequences, heads, causal);
        return qkv.contiguous()?.apply_op1(operation);
    }
    composed::self_attention(qkv, sequences, heads, causal)
}

/// The gradient of `qkv`, given that of what [`self_attention`] makes of it; f32 on the CPU.
pub(super) fn self_attention_gradient(
    qkv: &Tensor,
    grad: &Tensor,
    sequences: &Sequences,
    heads: usize,
    causal: bool,
) -> Result<Tensor> {
    let operation = SelfAttention::new(sequences, heads, causal);
    qkv.apply_op2_no_bwd(grad, &SelfAttentionGrad(operation))
}

/// The same for one query of each sequence, which sees all its rows: `queries [N, C]`,
/// `keys_values [R, 2·C]` → `[N, C]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn attention_of_one(
    queries: &Tensor,
    keys_values: &Tensor,
    sequences: &Sequences,
    heads: usize,
) -> Result<Tensor> {
    let (rows, double) = keys_values.dims2()?;
    check(sequences, rows, double, 2, heads)?;
    let expected = [sequences.count(), double / 2];
    if queries.dims() != expected {
        bail!(
            "attention: queries {:?}; expected {expected:?}",
            queries.dims()
        );
    }
    if has_own_body(queries, double / 2 / heads) {
        let operation = AttentionOfOne {
            sequences: sequences.clone(),
            heads,
        };
        let keys_values = keys_values.contiguous()?;
        return queries.contiguous()?.apply_op2(&keys_values, operation);
    }
    composed::attention_of_one(queries, keys_values, sequences, heads)
}

/// Whether attention of heads of this width is there for `x` in one operation.
fn has_own_body(x: &Tensor, width: usize) -> bool {
    #[cfg(feature = "cuda")]
    if cuda::device::is_here(x) {
        return width.is_multiple_of(4) && width <= cuda::MOST_HEAD_WIDTH;
    }
    let _ = width;
    is_cpu_f32(x)
}

fn check(
    sequences: &Sequences,
    rows: usize,
    columns: usize,
    parts: usize,
    heads: usize,
) -> Result<()> {
    if rows != sequences.rows() {
        bail!(
            "attention: {rows} rows; the sequences have {}",
            sequences.rows()
        );
    }
    if heads == 0 || !columns.is_multiple_of(parts * heads) {
        bail!("attention: {columns} columns cannot hold {parts} parts of {heads} heads");
    }
    Ok(())
}

struct SelfAttention {
    sequences: Sequences,
    heads: usize,
    queries: Queries,
}

impl SelfAttention {
    fn new(sequences: &Sequences, heads: usize, causal: bool) -> Self {
        Self {
            sequences: sequences.clone(),
            heads,
            queries: match causal {
                true => Queries::Causal,
                false => Queries::Full,
            },
        }
    }

    fn fused<'a>(&'a self, qkv: &'a [f32]) -> Fused<'a> {
        Fused::of_rows(qkv, &self.sequences, self.heads, self.queries)
    }
}

impl CustomOp1 for SelfAttention {
    fn name(&self) -> &'static str {
        "self-attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = contiguous(self.name(), qkv, layout)?;
        let (rows, triple) = layout.shape().dims2()?;
        let out = self.fused(qkv).forward();
        Ok((CpuStorage::F32(out), Shape::from((rows, triple / 3))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, qkv: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let qkv = (qkv, layout);
        cuda::device::self_attention(self.name(), qkv, &self.sequences, self.heads, self.queries)
    }

    fn bwd(&self, qkv: &Tensor, _out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let operation = SelfAttentionGrad(Self {
            sequences: self.sequences.clone(),
            ..*self
        });
        Ok(Some(qkv.apply_op2_no_bwd(&grad.contiguous()?, &operation)?))
    }
}

/// `(qkv, grad) → grad_qkv`.
struct SelfAttentionGrad(SelfAttention);

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
        let (_, triple) = layout.shape().dims2()?;
        let width = triple / 3;
        let mut grad_qkv = vec![0f32; qkv.len()];
        let gradients = self.0.fused(qkv).backward(grad);
        for (at, part) in Part::ALL.into_iter().enumerate() {
            gradients.write(part, &mut grad_qkv, triple, at * width);
        }
        Ok((CpuStorage::F32(grad_qkv), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        qkv: &CudaStorage,
        layout: &Layout,
        grad: &CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let Self(of) = self;
        let (qkv, grad) = ((qkv, layout), (grad, grad_layout));
        let (sequences, heads) = (&of.sequences, of.heads);
        cuda::device::self_attention_grad(self.name(), qkv, grad, sequences, heads, of.queries)
    }
}

struct AttentionOfOne {
    sequences: Sequences,
    heads: usize,
}

impl AttentionOfOne {
    fn fused<'a>(&'a self, queries: &'a [f32], keys_values: &'a [f32]) -> Fused<'a> {
        Fused::of_one(queries, keys_values, &self.sequences, self.heads)
    }
}

impl CustomOp2 for AttentionOfOne {
    fn name(&self) -> &'static str {
        "attention-of-one"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        layout: &Layout,
        keys_values: &CpuStorage,
        keys_values_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let queries = contiguous(self.name(), queries, layout)?;
        let keys_values = contiguous(self.name(), keys_values, keys_values_layout)?;
        let out = self.fused(queries, keys_values).forward();
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        queries: &CudaStorage,
        layout: &Layout,
        keys_values: &CudaStorage,
        keys_values_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (queries, others) = ((queries, layout), (keys_values, keys_values_layout));
        cuda::device::attention_of_one(self.name(), queries, others, &self.sequences, self.heads)
    }

    fn bwd(
        &self,
        queries: &Tensor,
        keys_values: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let operation = AttentionOfOneGrad(Self {
            sequences: self.sequences.clone(),
            heads: self.heads,
        });
        let grad = grad.contiguous()?;
        let both = queries.apply_op3_no_bwd(keys_values, &grad, &operation)?;
        let own = queries.elem_count();
        let grad_queries = both.narrow(0, 0, own)?.reshape(queries.shape())?;
        let grad_others = both.narrow(0, own, keys_values.elem_count())?;
        let grad_others = grad_others.reshape(keys_values.shape())?;
        Ok((Some(grad_queries), Some(grad_others)))
    }
}

/// `(queries, keys_values, grad) → [grad_queries ++ grad_keys_values]`, as one row of
/// numbers.
struct AttentionOfOneGrad(AttentionOfOne);

impl CustomOp3 for AttentionOfOneGrad {
    fn name(&self) -> &'static str {
        "attention-of-one-grad"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        layout: &Layout,
        keys_values: &CpuStorage,
        keys_values_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let queries = contiguous(self.name(), queries, layout)?;
        let keys_values = contiguous(self.name(), keys_values, keys_values_layout)?;
        let grad = contiguous(self.name(), grad, grad_layout)?;
        let (_, width) = layout.shape().dims2()?;
        let mut both = vec![0f32; queries.len() + keys_values.len()];
        let (grad_queries, grad_others) = both.split_at_mut(queries.len());
        let gradients = self.0.fused(queries, keys_values).backward(grad);
        gradients.write(Part::Queries, grad_queries, width, 0);
        gradients.write(Part::Keys, grad_others, 2 * width, 0);
        gradients.write(Part::Values, grad_others, 2 * width, width);
        let length = both.len();
        Ok((CpuStorage::F32(both), Shape::from(length)))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        queries: &CudaStorage,
        layout: &Layout,
        keys_values: &CudaStorage,
        keys_values_layout: &Layout,
        grad: &CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let Self(of) = self;
        let (queries, others) = ((queries, layout), (keys_values, keys_values_layout));
        let (grad, sequences) = ((grad, grad_layout), &of.sequences);
        cuda::device::attention_of_one_grad(self.name(), queries, others, grad, sequences, of.heads)
    }
}
