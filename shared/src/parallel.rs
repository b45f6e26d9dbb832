//! What rayon's threads share out. WebAssembly has one thread: there the same calls go
//! through the items in order, without the code that would share them.

#[cfg(target_arch = "wasm32")]
pub use in_order::*;
#[cfg(not(target_arch = "wasm32"))]
pub use rayon::prelude::*;

#[cfg(target_arch = "wasm32")]
mod in_order {
    use std::slice::{Chunks, ChunksExactMut, ChunksMut, Iter};

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
