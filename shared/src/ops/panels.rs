//! A matrix in panels of a few columns, each of which is read from its first row to its last,
//! in one go. A weight is laid out so when it is loaded.
//!
//! And the products with panels of eight columns, as WebAssembly computes them; there any
//! right matrix is laid out so, for each product, and the left one in fives of rows.

mod left;
mod tile;

use std::cell::RefCell;

use super::finish::Finisher;
use super::matmul::Matrix;
use super::rectangles::{Target, Threads, each};
use super::tile::{COLUMNS, Eight, ROWS, copy};
use super::work::count;
use left::lay_out;
use tile::{Tile, tile};

#[cfg(target_arch = "wasm32")]
pub(super) use tile::use_relaxed_simd;

/// Rows of a panel that are multiplied in one go: as much of it as stays in the nearest
/// cache (24 KB).
const DEPTH: usize = 768;
/// Rows of the left matrix that go through all panels before the next ones do: as many as
/// stay in the second cache.
const HEIGHT: usize = 200;

/// Values of a matrix `[k, n]` in panels of `WIDTH` columns; those that fill up the last one
/// count.
pub(super) fn length<const WIDTH: usize>([k, n]: [usize; 2]) -> usize {
    n.div_ceil(WIDTH) * WIDTH * k
}

/// Lays a matrix `[k, n]` out in panels `[⌈n / WIDTH⌉, k, WIDTH]`; zeros fill up the last one.
pub(super) fn pack<const WIDTH: usize>(
    [k, n]: [usize; 2],
    value: impl Fn(usize, usize) -> f32,
    panels: &mut Vec<f32>,
) {
    panels.clear();
    panels.reserve_exact(length::<WIDTH>([k, n]));
    for first in (0..n).step_by(WIDTH) {
        for row in 0..k {
            panels.extend((first..first + WIDTH).map(|column| match column < n {
                true => value(row, column),
                false => 0.0,
            }));
        }
    }
}

/// The value at a place of a matrix of `k` rows in panels.
#[inline(always)]
pub(super) fn at<const WIDTH: usize>(panels: &[f32], k: usize, row: usize, column: usize) -> f32 {
    panels[(column / WIDTH * k + row) * WIDTH + column % WIDTH]
}

/// Adds the product of `a [m, k]` with a matrix `[k, n]` in panels of eight to `out [m, n]`,
/// in rows of `out_stride` values.
pub(super) fn add_product(
    [m, k, n]: [usize; 3],
    a: Matrix<'_>,
    panels: &[f32],
    out: &mut [f32],
    out_stride: usize,
    threads: Threads,
) {
    if m * n == 0 {
        return;
    }
    assert!((m - 1) * out_stride + n <= out.len(), "result too short");
    let product = Product::of([m, k, n], a, panels);
    let target = Target {
        first: out.as_mut_ptr(),
        stride: out_stride,
    };
    // SAFETY: the assertion says that all places are there; they hold values.
    unsafe { product.write(target, None, Finisher::NONE, threads) };
}

/// The product of `a [m, k]` with a matrix `[k, n]` in panels of eight, plus `bias [n]`,
/// finished: `[m, n]`.
pub(super) fn product(
    [m, k, n]: [usize; 3],
    a: Matrix<'_>,
    panels: &[f32],
    bias: &[f32],
    finisher: Finisher<'_>,
) -> Vec<f32> {
    assert_eq!(bias.len(), n, "a bias of another size");
    if m * k * n == 0 {
        return finisher.of_bias(m, bias);
    }
    let mut out = Vec::with_capacity(m * n);
    let target = Target {
        first: out.as_mut_ptr(),
        stride: n,
    };
    let product = Product::of([m, k, n], a, panels);
    // SAFETY: there is room for all places, each is written before it is read, and all are.
    unsafe {
        product.write(target, Some(bias), finisher, Threads::All);
        out.set_len(m * n);
    }
    out
}

/// A matrix with another one in panels.
struct Product<'a> {
    shape: [usize; 3],
    a: Matrix<'a>,
    panels: &'a [Eight],
}

thread_local! {
    /// Rows of the left matrix, which one product after another lays out.
    static LEFT: RefCell<Vec<[f32; ROWS]>> = const { RefCell::new(Vec::new()) };
}

impl<'a> Product<'a> {
    fn of(shape: [usize; 3], a: Matrix<'a>, panels: &'a [f32]) -> Self {
        count(shape);
        let panels = panels.as_chunks::<4>().0.as_chunks::<2>().0;
        Self { shape, a, panels }
    }

    /// Writes its places: sums that start from the bias, or, without one, from what is there.
    ///
    /// # Safety
    /// `target` has the places, nobody else has them meanwhile, and without a bias they hold
    /// values.
    unsafe fn write(
        &self,
        target: Target,
        bias: Option<&[f32]>,
        finisher: Finisher<'_>,
        threads: Threads,
    ) {
        let [m, k, n] = self.shape;
        let (threads, tile) = (threads.for_product(self.shape), tile());
        each([m, n.div_ceil(COLUMNS)], HEIGHT, threads, |rows, some| {
            // Taken, since a thread that waits for others may begin another product.
            let mut left = LEFT.take();
            for (top, depth) in pieces(k, DEPTH) {
                lay_out(self.a, rows.clone(), top..top + depth, &mut left);
                let finisher = match top + depth == k {
                    true => finisher,
                    false => Finisher::NONE,
                };
                for at in some.clone() {
                    let first = at * COLUMNS;
                    let width = COLUMNS.min(n - first);
                    let start = bias.filter(|_| top == 0).map(|bias| {
                        let mut start = Eight::default();
                        copy(&bias[first..][..width], start.as_flattened_mut());
                        start
                    });
                    let part = Part {
                        tile,
                        panel: &self.panels[at * k + top..][..depth],
                        first,
                        width,
                        start,
                        finisher,
                    };
                    for (left, (row, count)) in
                        left.chunks_exact(depth).zip(pieces(rows.len(), ROWS))
                    {
                        // SAFETY: as the caller says; no other task has these rows of this
                        // panel.
                        unsafe { part.multiply(left, rows.start + row, count, target) };
                    }
                }
            }
            LEFT.set(left);
        });
    }
}

/// Some rows of a panel, and what their sums start from and become.
struct Part<'a> {
    tile: Tile,
    panel: &'a [Eight],
    /// The first of its columns, and how many there are.
    first: usize,
    width: usize,
    /// Nothing, if sums go on with what is there.
    start: Option<Eight>,
    finisher: Finisher<'a>,
}

impl Part<'_> {
    /// Writes the sums of some rows, five at most, which are laid out in `left`.
    ///
    /// # Safety
    /// `target` has their places, and nobody else has them meanwhile.
    #[inline(always)]
    unsafe fn multiply(&self, left: &[[f32; ROWS]], row: usize, rows: usize, target: Target) {
        // SAFETY: as the caller says.
        let out = |at| unsafe { target.piece(row + at, self.first, self.width) };
        let mut sums = [self.start.unwrap_or_default(); ROWS];
        let there = sums.iter_mut().enumerate().take(rows);
        there
            .filter(|_| self.start.is_none())
            .for_each(|(at, sums)| copy(out(at), sums.as_flattened_mut()));
        (self.tile)(left, self.panel, &mut sums);
        let sums = &mut sums[..rows];
        self.finisher.finish_rows(row, self.first, self.width, sums);
        for (at, sums) in sums.iter().enumerate() {
            copy(&sums.as_flattened()[..self.width], out(at));
        }
    }
}

/// Parts of `length`, each but the last of `most`: where one begins, and how long it is.
fn pieces(length: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..length)
        .step_by(most)
        .map(move |first| (first, most.min(length - first)))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};

    use super::{add_product, at, length, pack, product};
    use crate::ops::Then;
    use crate::ops::finish::{Finish, Finisher};
    use crate::ops::matmul::Matrix;
    use crate::ops::rectangles::Threads;
    use crate::ops::tile::COLUMNS;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 37) % 19) as f32 - 9.0).collect()
    }

    #[test]
    fn sums_start_from_the_bias_and_are_finished_once() -> Result<()> {
        for [m, k, n] in [[1, 1, 1], [5, 3, 9], [3, 800, 12], [201, 9, 17], [2, 0, 3]] {
            let (a, b, bias) = (values(m * k), values(k * n), values(n));
            let mut panels = Vec::new();
            pack::<COLUMNS>([k, n], |row, column| b[row * n + column], &mut panels);
            let beside = Tensor::arange(0f32, (m * n) as f32, &Device::Cpu)?;
            let finish = Finish::new(Then::AddRelu(&beside))?;
            let rows = Matrix::rows(&a, k);
            let work = |finisher: Finisher<'_>| product([m, k, n], rows, &panels, &bias, finisher);
            let got = finish.on([m, n], work)?;
            assert_eq!(got.len(), m * n);
            for (place, got) in got.into_iter().enumerate() {
                let (row, column) = (place / n, place % n);
                let products = (0..k).map(|i| a[row * k + i] * b[i * n + column]);
                let sum = bias[column] + products.sum::<f32>();
                assert_eq!(got, (sum + place as f32).max(0.0), "{m} {k} {n}");
            }
        }
        Ok(())
    }

    #[test]
    fn products_are_those_of_plain_loops_at_every_size() {
        let sizes = [1, 3, 4, 5, 8, 9, 17];
        let shapes = sizes.into_iter().flat_map(|m| sizes.map(|n| [m, 7, n]));
        for [m, k, n] in shapes.chain([[3, 800, 5], [201, 3, 9], [2, 1, 1], [410, 9, 100]]) {
            let (a, b, stride) = (values(m * k), values(k * n), n + 2);
            let mut panels = Vec::new();
            pack::<COLUMNS>([k, n], |row, column| b[row * n + column], &mut panels);
            assert_eq!(panels.len(), length::<COLUMNS>([k, n]));
            let before = values(m * stride);
            let mut out = before.clone();
            let (shape, a_rows) = ([m, k, n], Matrix::rows(&a, k));
            add_product(shape, a_rows, &panels, &mut out, stride, Threads::All);
            for row in 0..m {
                for column in 0..stride {
                    let products = (0..k).map(|i| match column < n {
                        true => a[row * k + i] * b[i * n + column],
                        false => 0.0,
                    });
                    // Small whole numbers: no sum is rounded.
                    let expected = before[row * stride + column] + products.sum::<f32>();
                    assert_eq!(out[row * stride + column], expected, "{m} {k} {n}");
                }
            }
            for column in 0..n {
                assert_eq!(
                    at::<COLUMNS>(&panels, k, k - 1, column),
                    b[(k - 1) * n + column]
                );
            }
        }
    }
}
