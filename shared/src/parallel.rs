//! What rayon's threads share out. WebAssembly has one thread, unless it is built with
//! atomics: there the same calls go through the items in order, without the code that would
//! share them.

#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
use candle_core::Device;

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
pub use in_order::*;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
pub use rayon::{current_num_threads as threads, prelude::*};

/// Does all of `work` on one of the threads, which wakes the others sooner than another
/// thread would. Another device is told what to do by the thread that asks, since what is
/// kept for it belongs to a thread.
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
pub fn inside<R: Send>(device: &Device, work: impl FnOnce() -> R + Send) -> R {
    match device.is_cpu() {
        true => rayon::scope(|_| work()),
        false => work(),
    }
}

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
mod in_order {
    use std::slice::{Chunks, ChunksExactMut, ChunksMut, Iter};

    use candle_core::Device;

    /// How many there are.
    pub fn threads() -> usize {
        1
    }

    /// Does `work`.
    pub fn inside<R>(_device: &Device, work: impl FnOnce() -> R) -> R {
        work()
    }

    pub trait IntoParallelIterator: IntoIterator + Sized {
        fn into_par_iter(self) -> Self::IntoIter {
            self.into_iter()
        }
    }

    impl<I: IntoIterator> IntoParallelIterator for I {}

    pub trait ParallelIterator: Iterator + Sized {
        fn for_each_init<T>(
            self,
            init: impl Fn() -> T,
            mut operation: impl FnMut(&mut T, Self::Item),
        ) {
            let mut state = init();
            self.for_each(|item| operation(&mut state, item));
        }
    }

    impl<I: Iterator> ParallelIterator for I {}

    pub trait ParallelSlice<T> {
        fn par_iter(&self) -> Iter<'_, T>;
        fn par_chunks(&self, length: usize) -> Chunks<'_, T>;
        fn par_chunks_mut(&mut self, length: usize) -> ChunksMut<'_, T>;
        fn par_chunks_exact_mut(&mut self, length: usize) -> ChunksExactMut<'_, T>;
    }

    impl<T> ParallelSlice<T> for [T] {
        fn par_iter(&self) -> Iter<'_, T> {
            self.iter()
        }

        fn par_chunks(&self, length: usize) -> Chunks<'_, T> {
            self.chunks(length)
        }

        fn par_chunks_mut(&mut self, length: usize) -> ChunksMut<'_, T> {
            self.chunks_mut(length)
        }

        fn par_chunks_exact_mut(&mut self, length: usize) -> ChunksExactMut<'_, T> {
            self.chunks_exact_mut(length)
        }
    }
}
