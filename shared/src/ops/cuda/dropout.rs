//! Values that are set to zero at random.

use super::pointwise::by_values;
use super::{Address, Kernel, Launch, Source};

/// Draws of a block of random numbers, which one thread makes.
const DRAWS: u64 = 8;

/// `x [count]` → `y [count]`, as `ops::Dropout` has it on the CPU.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    pub x: Address,
    pub y: Address,
    /// `[8]`: the key, read when the work is done, instead of `key`. 0 where there is none.
    pub told: Address,
    pub count: u64,
    /// Which of the key's streams of random numbers.
    pub stream: u64,
    /// A value with a draw of 64 bits below it is dropped.
    pub bound: u64,
    /// `ops::Dropout::key_of` the seed.
    pub key: [u32; 8],
    /// What values that are kept are multiplied with.
    pub factor: f32,
}

impl Kernel for Dropout {
    const NAME: &'static str = "dropout";
    const SOURCE: Source = Source::Dropout;

    fn launch(&self) -> Launch {
        by_values(self.count.div_ceil(DRAWS))
    }
}
