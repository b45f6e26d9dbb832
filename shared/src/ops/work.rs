//! The work of products, counted: what a test can hold where a clock would depend on the
//! machine.

use std::sync::atomic::{AtomicU64, Ordering};

static MULTIPLICATIONS: AtomicU64 = AtomicU64::new(0);

/// Multiplications in the products of this module since the process began. Products that
/// candle computes are not counted.
pub fn multiplications() -> u64 {
    MULTIPLICATIONS.load(Ordering::Relaxed)
}

/// Counts a product of `[m, k]` and `[k, n]`.
pub(super) fn count([m, k, n]: [usize; 3]) {
    MULTIPLICATIONS.fetch_add((m * k * n) as u64, Ordering::Relaxed);
}
