//! A product's result in rectangles, each of which is one task's.

use std::ops::Range;

use crate::parallel::*;

/// Tasks for each thread, so that none waits long for another.
const TASKS: usize = 3;
/// Multiplications that one thread has done before others are awake.
const LEAST: usize = 1 << 17;

/// Whether a product may use all cores, or is itself one piece of a parallel loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    One,
    All,
}

impl Threads {
    /// One, where a product of `[m, k, n]` is not worth more.
    pub fn for_product(self, [m, k, n]: [usize; 3]) -> Self {
        match m * k * n < LEAST {
            true => Self::One,
            false => self,
        }
    }
}

/// Shares `rows` with `panels` out: some rows, at most `height`, with some panels at a time.
/// No two calls of `work` have a row and a panel in common, and together they are all.
pub(super) fn each(
    [rows, panels]: [usize; 2],
    height: usize,
    using: Threads,
    work: impl Fn(Range<usize>, Range<usize>) + Sync + Send,
) {
    let threads = match using {
        Threads::One => 1,
        Threads::All => threads(),
    };
    let heights = rows.div_ceil(height);
    let wanted = match threads {
        1 => 1,
        threads => threads * TASKS,
    };
    let widths = wanted.div_ceil(heights.max(1)).min(panels);
    let tasks = parts(rows, heights)
        .flat_map(|rows| parts(panels, widths).map(move |panels| (rows.clone(), panels)));
    match threads {
        1 => tasks.for_each(|(rows, panels)| work(rows, panels)),
        _ => tasks
            .collect::<Vec<_>>()
            .into_par_iter()
            .for_each(|(rows, panels)| work(rows, panels)),
    }
}

/// `length` in so many parts, as alike as can be.
pub(super) fn parts(length: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).map(move |at| at * length / count..(at + 1) * length / count)
}

/// Where a product goes: rows of `stride` values, the first at `first`.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub first: *mut f32,
    pub stride: usize,
}

// SAFETY: whoever writes to it says where, and that nobody else does.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// `width` values of a row, from `column` on.
    ///
    /// # Safety
    /// They are there, and nobody else has them meanwhile.
    #[inline(always)]
    pub unsafe fn piece<'a>(self, row: usize, column: usize, width: usize) -> &'a mut [f32] {
        // SAFETY: as the caller says.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(row * self.stride + column), width) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::{Threads, each};

    #[test]
    fn each_row_meets_each_panel_once() {
        for using in [Threads::One, Threads::All] {
            for [rows, panels] in [[1, 1], [7, 3], [500, 1], [3, 40], [0, 4], [4, 0]] {
                let met = Mutex::new(vec![0; rows * panels]);
                each([rows, panels], 5, using, |some, with| {
                    assert!(some.len() <= 5);
                    let mut met = met.lock().unwrap();
                    for row in some {
                        with.clone()
                            .for_each(|panel| met[row * panels + panel] += 1);
                    }
                });
                assert!(met.into_inner().unwrap().iter().all(|times| *times == 1));
            }
        }
    }
}
