//! LayerNorm's kernels.

use super::{Address, Kernel, LANES, Launch, Source, THREADS};

/// Warps that sum up the same columns.
const WARPS_OF_COLUMNS: u32 = 8;

/// `x [rows, width]`, `weight [width]`, `bias [width]` → `y [rows, width]`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    pub x: Address,
    pub weight: Address,
    pub bias: Address,
    pub y: Address,
    pub rows: u32,
    pub width: u32,
    pub epsilon: f32,
}

/// `x [rows, width]`, `weight [width]`, `grad [rows, width]` → `grad_x [rows, width]`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct LayerNormGradX {
    pub x: Address,
    pub weight: Address,
    pub grad: Address,
    pub grad_x: Address,
    pub rows: u32,
    pub width: u32,
    pub epsilon: f32,
}

/// `x [rows, width]` → `statistics [rows, 2]` in f32.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct LayerNormStatistics {
    pub x: Address,
    pub statistics: Address,
    pub rows: u32,
    pub width: u32,
    pub epsilon: f32,
}

/// `x`, `grad [rows, width]`, `statistics [rows, 2]` → `both [2, width]`, of the weight and
/// of the bias.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct LayerNormGradWeightBias {
    pub x: Address,
    pub grad: Address,
    pub statistics: Address,
    pub both: Address,
    pub rows: u32,
    pub width: u32,
}

/// A warp for each row.
fn by_rows(rows: u32) -> Launch {
    Launch::of_blocks(rows.div_ceil(THREADS / LANES))
}

impl Kernel for LayerNorm {
    const NAME: &'static str = "layer_norm";
    const SOURCE: Source = Source::LayerNorm;

    fn launch(&self) -> Launch {
        by_rows(self.rows)
    }
}

impl Kernel for LayerNormGradX {
    const NAME: &'static str = "layer_norm_grad_x";
    const SOURCE: Source = Source::LayerNorm;

    fn launch(&self) -> Launch {
        by_rows(self.rows)
    }
}

impl Kernel for LayerNormStatistics {
    const NAME: &'static str = "layer_norm_statistics";
    const SOURCE: Source = Source::LayerNorm;

    fn launch(&self) -> Launch {
        by_rows(self.rows)
    }
}

impl Kernel for LayerNormGradWeightBias {
    const NAME: &'static str = "layer_norm_grad_weight_bias";
    const SOURCE: Source = Source::LayerNorm;

    fn launch(&self) -> Launch {
        Launch {
            threads: WARPS_OF_COLUMNS * LANES,
            shared: WARPS_OF_COLUMNS * LANES * 2,
            ..Launch::of_blocks(self.width.div_ceil(LANES))
        }
    }
}
