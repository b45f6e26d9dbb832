//! Kernels that take one value after another.

use super::{Address, Kernel, Launch, Source};

/// Threads of a block.
const THREADS: u32 = 256;

/// Blocks at most: more values have several turns.
const MOST_BLOCKS: u64 = 4096;

/// `x [count]` → `y [count]`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct QuickGelu {
    pub x: Address,
    pub y: Address,
    pub count: u64,
}

/// `x`, `grad [count]` → `grad_x [count]`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct QuickGeluGrad {
    pub x: Address,
    pub grad: Address,
    pub grad_x: Address,
    pub count: u64,
}

/// Adds `bias [width]` to each row of `y [count / width, width]`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AddBias {
    pub y: Address,
    pub bias: Address,
    pub count: u64,
    pub width: u32,
}

pub(super) fn by_values(count: u64) -> Launch {
    let blocks = count.div_ceil(THREADS.into()).min(MOST_BLOCKS);
    Launch {
        threads: THREADS,
        ..Launch::of_blocks(blocks as u32)
    }
}

impl Kernel for QuickGelu {
    const NAME: &'static str = "quick_gelu";
    const SOURCE: Source = Source::Pointwise;

    fn launch(&self) -> Launch {
        by_values(self.count)
    }
}

impl Kernel for QuickGeluGrad {
    const NAME: &'static str = "quick_gelu_grad";
    const SOURCE: Source = Source::Pointwise;

    fn launch(&self) -> Launch {
        by_values(self.count)
    }
}

impl Kernel for AddBias {
    const NAME: &'static str = "add_bias";
    const SOURCE: Source = Source::Pointwise;

    fn launch(&self) -> Launch {
        by_values(self.count)
    }
}
