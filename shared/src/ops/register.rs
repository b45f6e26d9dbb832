//! Values between memory and a register of WebAssembly.

use std::arch::wasm32::{v128, v128_load, v128_store};

/// A value that any bits are.
pub(super) trait Bits: Copy {}

impl Bits for u8 {}
impl Bits for i16 {}
impl Bits for f32 {}

#[inline(always)]
pub(super) fn load<T: Bits, const COUNT: usize>(from: &[T; COUNT]) -> v128 {
    const { assert!(size_of::<[T; COUNT]>() == 16) };
    // SAFETY: sixteen bytes, at any address.
    unsafe { v128_load(from.as_ptr().cast()) }
}

#[inline(always)]
pub(super) fn store<T: Bits, const COUNT: usize>(register: v128, to: &mut [T; COUNT]) {
    const { assert!(size_of::<[T; COUNT]>() == 16) };
    // SAFETY: sixteen bytes that nobody else reads, at any address, and any bits are values.
    unsafe { v128_store(to.as_mut_ptr().cast(), register) }
}
