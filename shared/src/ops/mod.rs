//! Fused operations with their backward passes.
//!
//! candle's own LayerNorm and last-dim softmax return tensors through which no
//! gradient flows, without an error. The operations here are the only ones the
//! models use, and each is checked against finite differences in
//! `tests/tests/gradients.rs`.
//!
//! On the CPU (native and WebAssembly) each operation is one pass over plain
//! slices; on CUDA, in f32 and bf16, it is a kernel (`cuda`). Elsewhere the same
//! function is composed of candle operations that differentiate.

mod activation;
mod attending;
mod attention;
mod compact;
mod convolution;
#[cfg(not(target_arch = "wasm32"))]
pub mod cuda;
mod dropout;
mod erf;
mod exp;
mod feed_forward;
mod finish;
mod lanes;
mod layer_norm;
mod layers;
mod linear;
mod low_rank;
mod matmul;
mod number;
mod own_gradient;
mod panels;
mod rectangles;
#[cfg(target_arch = "wasm32")]
mod register;
mod replayed;
mod sequences;
mod softmax;
mod tile;
mod weight;
mod whole;
#[cfg(not(target_arch = "wasm32"))]
mod wide;
mod work;

pub use activation::Activation;
pub use attending::Attending;
pub use attention::{attention_of_one, self_attention};
pub use compact::Compact;
pub use convolution::{Kernel, Window, average_pool};
pub use dropout::Dropout;
pub use feed_forward::FeedForward;
pub use finish::Then;
pub use layer_norm::layer_norm;
pub use layers::{LayerNorm, Linear};
pub use linear::linear;
pub use low_rank::{Beside, LowRankPart, LowRanks};
pub use replayed::Replayed;
pub use sequences::{Group, Sequences};
pub use softmax::{cross_entropy, log_softmax, softmax};
pub use weight::Weight;
pub use work::multiplications;

use candle_core::{CpuStorage, DType, Layout, Tensor, bail};

/// From now on products use WebAssembly's relaxed SIMD instructions. A module may only hold
/// them, and so this call, where the browser knows them.
#[cfg(target_arch = "wasm32")]
pub fn use_relaxed_simd() {
    panels::use_relaxed_simd();
    whole::use_relaxed_simd();
}

/// Whether `x` can go through an operation's own body: the CPU's, or a kernel.
fn has_own_body(x: &Tensor) -> bool {
    #[cfg(feature = "cuda")]
    if cuda::device::is_here(x) {
        return true;
    }
    is_cpu_f32(x)
}

/// Whether `x` can go through the fused CPU bodies.
fn is_cpu_f32(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// The values of a contiguous f32 operand.
fn contiguous<'a>(
    operation: &str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> candle_core::Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("{operation} needs contiguous operands"),
    }
}

#[cfg(test)]
mod fixture {
    use candle_core::{Device, Result, Tensor};

    /// A tensor of values between −1 and 1.
    pub fn values(dims: &[usize]) -> Result<Tensor> {
        let count = dims.iter().product::<usize>() as f32;
        let values = Tensor::arange(0f32, count, &Device::Cpu)?;
        (values * 0.37)?.sin()?.reshape(dims)
    }
}
