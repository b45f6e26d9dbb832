//! Own kernels for CUDA: what each of them is given, and how many threads go about it.
//!
//! The sources beside this are plain C. They are compiled at run time (NVRTC), where the
//! feature `cuda` is on; `tests/tests/kernels` compiles them for the host and compares
//! what they compute with the CPU's operations.

mod attention;
#[cfg(feature = "cuda")]
pub mod device;
mod dropout;
mod layer_norm;
mod optimizer;
mod pointwise;
pub mod recorded;

pub use super::attention::{TILE, Tiles};
pub use attention::{
    Attention, AttentionGradKeysValues, AttentionGradQueries, AttentionSumSlots, Heads,
    MOST_HEAD_WIDTH, Operands, Tables,
};
pub use dropout::Dropout;
pub use layer_norm::{LayerNorm, LayerNormGradWeightBias, LayerNormGradX, LayerNormStatistics};
pub use optimizer::{AdamWRates, AdamWStep, SgdStep};
pub use pointwise::{AddBias, QuickGelu, QuickGeluGrad};

/// An address on the device.
pub type Address = u64;

/// Lanes of a warp.
const LANES: u32 = 32;

/// Threads of a block, where nothing asks for another number.
const THREADS: u32 = 128;

/// A kernel's arguments, laid out as the C struct of its name.
pub trait Kernel: Copy {
    const NAME: &'static str;
    const SOURCE: Source;

    fn launch(&self) -> Launch;
}

/// How many threads a kernel has, and what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x and y.
    pub blocks: [u32; 2],
    pub threads: u32,
    /// Values of four bytes in the shared memory of a block.
    pub shared: u32,
}

impl Launch {
    fn of_blocks(blocks: u32) -> Self {
        Self {
            blocks: [blocks, 1],
            threads: THREADS,
            shared: 0,
        }
    }
}

/// A file of kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Attention,
    Dropout,
    LayerNorm,
    Optimizer,
    Pointwise,
}

impl Source {
    pub const ALL: [Self; 5] = [
        Self::Attention,
        Self::Dropout,
        Self::LayerNorm,
        Self::Optimizer,
        Self::Pointwise,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Dropout => "dropout",
            Self::LayerNorm => "layer_norm",
            Self::Optimizer => "optimizer",
            Self::Pointwise => "pointwise",
        }
    }

    /// The file, behind what all have in common.
    pub fn text(self) -> String {
        let own = match self {
            Self::Attention => include_str!("attention.cu"),
            Self::Dropout => include_str!("dropout.cu"),
            Self::LayerNorm => include_str!("layer_norm.cu"),
            Self::Optimizer => include_str!("optimizer.cu"),
            Self::Pointwise => include_str!("pointwise.cu"),
        };
        [include_str!("common.cu"), own].concat()
    }

    /// Whether a product and a sum may be one operation, which rounds once.
    pub fn may_fuse_products(self) -> bool {
        self != Self::Optimizer
    }
}
