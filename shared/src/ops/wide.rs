//! Products with frozen weights on processors with wide registers: the weight lies in panels
//! of 32 columns, brought into that order once, and the left matrix is read where it is.
//!
//! A row of the left matrix may be of several parts that lie anywhere, so that a convolution
//! needs no copy of the pixels under its kernel. Sums begin with the bias and stay in
//! registers as long as a panel goes; what follows a product is done to it while it is in the
//! nearest cache. The order of additions depends on neither threads nor blocks.

mod tile;

use std::ops::Range;

use rayon::prelude::*;

use super::finish::Finisher;
use super::matmul::Matrix;
use super::rectangles::{Target, Threads, each, parts};
use super::work::count;
use tile::wide;
pub(super) use tile::{MOST_ROWS, Tile, tiles};

/// Columns of a panel.
pub(super) const COLUMNS: usize = 32;

/// Rows of a panel, at most, that are multiplied in one go: with the rows of the left matrix
/// they stay in the second cache.
const DEPTH: usize = 768;
/// Rows of the left matrix that go through all panels before the next ones do.
const HEIGHT: usize = 192;

/// Whether this processor has such registers. Others multiply through the `gemm` crate.
pub(super) fn is_there() -> bool {
    wide().is_some()
}

/// The left matrix of a product: rows of `parts` parts of `depth` values each.
pub(super) trait Rows: Sync {
    fn parts(&self) -> usize;
    fn depth(&self) -> usize;
    /// Tells each part of a row by its number.
    fn row<'a>(&'a self, row: usize, tell: impl FnMut(usize, &'a [f32]));
}

/// Rows that lie in one piece.
impl Rows for Matrix<'_> {
    fn parts(&self) -> usize {
        1
    }

    fn depth(&self) -> usize {
        self.row_stride
    }

    fn row<'a>(&'a self, row: usize, mut tell: impl FnMut(usize, &'a [f32])) {
        tell(0, &self.values[row * self.row_stride..][..self.row_stride]);
    }
}

/// A weight `[k, n]` in panels, and the bias `[n]` behind it.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub panels: &'a [f32],
    pub bias: &'a [f32],
}

/// `rows · right + bias`, finished: `[m, n]`.
pub(super) fn product<R: Rows>(
    m: usize,
    rows: &R,
    right: Right<'_>,
    finisher: Finisher<'_>,
) -> Vec<f32> {
    let n = right.bias.len();
    let k = rows.parts() * rows.depth();
    let panels = n.div_ceil(COLUMNS);
    assert_eq!(
        right.panels.len(),
        panels * k * COLUMNS,
        "panels of another size"
    );
    count([m, k, n]);
    if k == 0 {
        return finisher.of_bias(m, right.bias);
    }
    let mut out = Vec::with_capacity(m * n);
    let tiles = tiles();
    let spans = spans(rows.parts(), rows.depth());
    let target = Target {
        first: out.as_mut_ptr(),
        stride: n,
    };
    each([m, panels], HEIGHT, Threads::All, |height, panels| {
        let block = Block {
            rows,
            spans: &spans,
            right,
            height,
            panels,
        };
        // SAFETY: no two tasks have a row and a panel in common, all of them are inside of
        // `[m, n]`, and `out` has room for that and is borrowed until they are done.
        unsafe { block.multiply(tiles, target, finisher) };
    });
    // SAFETY: the tasks are all rows with all panels, and each has written all of its own.
    unsafe { out.set_len(m * n) };
    out
}

/// The panels of the transpose `[n, k]` of a matrix `[k, n]` in panels.
pub(super) fn transposed([k, n]: [usize; 2], panels: &[f32]) -> Vec<f32> {
    let mut turned = vec![0f32; k.div_ceil(COLUMNS) * n * COLUMNS];
    let (squares, _) = turned.as_chunks_mut::<COLUMNS>();
    let own = squares.par_chunks_mut(n.max(1)).enumerate();
    own.for_each(|(at, rows)| {
        let first = at * COLUMNS;
        let height = COLUMNS.min(k - first);
        for (panel, rows) in rows.chunks_mut(COLUMNS).enumerate() {
            let square = &panels[(panel * k + first) * COLUMNS..][..height * COLUMNS];
            let (square, _) = square.as_chunks::<COLUMNS>();
            for (column, row) in rows.iter_mut().enumerate() {
                for (to, from) in row.iter_mut().zip(square) {
                    *to = from[column];
                }
            }
        }
    });
    turned
}

/// Values of a part of each row.
#[derive(Debug, Clone)]
struct Span {
    values: Range<usize>,
    /// The panel's row that the first one is multiplied with.
    first: usize,
}

/// A row's values, in groups that are summed in one go.
fn spans(count: usize, depth: usize) -> Vec<Vec<Span>> {
    let mut groups: Vec<Vec<Span>> = Vec::new();
    let mut room = 0;
    for part in 0..count {
        for values in parts(depth, depth.div_ceil(DEPTH)) {
            if values.len() > room {
                groups.push(Vec::new());
                room = DEPTH;
            }
            room -= values.len();
            let first = part * depth + values.start;
            if let Some(group) = groups.last_mut() {
                group.push(Span { values, first });
            }
        }
    }
    groups
}

/// Rows that are summed at once, with their values: span by span, row by row.
struct InTurn<'a> {
    first: usize,
    count: usize,
    values: Vec<&'a [f32]>,
}

/// Some rows with some panels.
struct Block<'a, R> {
    rows: &'a R,
    spans: &'a [Vec<Span>],
    right: Right<'a>,
    height: Range<usize>,
    panels: Range<usize>,
}

impl<R: Rows> Block<'_, R> {
    /// # Safety
    /// The block's places in `target` are there, and nobody else's meanwhile.
    unsafe fn multiply(&self, tiles: &[Tile], target: Target, finisher: Finisher<'_>) {
        let depth = self.rows.parts() * self.rows.depth();
        let n = target.stride;
        let in_turn = self.in_turn(tiles.len());
        let mut spans_before = 0;
        for (at, group) in self.spans.iter().enumerate() {
            let (is_first, is_last) = (at == 0, at + 1 == self.spans.len());
            let first = group.first().map_or(0, |span| span.first);
            let length: usize = group.iter().map(|span| span.values.len()).sum();
            for panel in self.panels.clone() {
                let column = panel * COLUMNS;
                let width = COLUMNS.min(n - column);
                let mut bias = [0f32; COLUMNS];
                bias[..width].copy_from_slice(&self.right.bias[column..][..width]);
                let panel = &self.right.panels[(panel * depth + first) * COLUMNS..];
                let panel = &panel[..length * COLUMNS];
                for some in &in_turn {
                    let sums = Sums {
                        tile: tiles[some.count - 1],
                        values: &some.values[spans_before * some.count..]
                            [..group.len() * some.count],
                        panel,
                        start: is_first.then_some(&bias),
                        rows: some.count,
                        width,
                    };
                    // SAFETY: of every row the tile has as many values as the panel has rows;
                    // the rows are there to write to, and what is read from them was written
                    // by the group before.
                    unsafe {
                        let out = target.first.add(some.first * n + column);
                        sums.write(out, n);
                        for at in (0..some.count).filter(|_| is_last) {
                            let row = std::slice::from_raw_parts_mut(out.add(at * n), width);
                            finisher.finish(some.first + at, column, row);
                        }
                    }
                }
            }
            spans_before += group.len();
        }
    }

    /// The block's rows, `most` at once or one less.
    fn in_turn(&self, most: usize) -> Vec<InTurn<'_>> {
        let height = self.height.len();
        let spans: Vec<&Span> = self.spans.iter().flatten().collect();
        let of_part = spans.len() / self.rows.parts().max(1);
        let in_turn = parts(height, height.div_ceil(most)).map(|some| {
            let (first, count) = (self.height.start + some.start, some.len());
            let mut values: Vec<&[f32]> = vec![&[]; spans.len() * count];
            for row in 0..count {
                self.rows.row(first + row, |part, all| {
                    for at in part * of_part..(part + 1) * of_part {
                        values[at * count + row] = &all[spans[at].values.clone()];
                    }
                });
            }
            InTurn {
                first,
                count,
                values,
            }
        });
        in_turn.collect()
    }
}

/// Sums of some rows with one panel, over one group of spans.
struct Sums<'a> {
    tile: Tile,
    values: &'a [&'a [f32]],
    panel: &'a [f32],
    /// What all rows start from; none where they go on with what is there.
    start: Option<&'a [f32; COLUMNS]>,
    rows: usize,
    /// Columns of the panel that there are.
    width: usize,
}

impl Sums<'_> {
    /// # Safety
    /// As of [`Tile`], with rows of `width` values at `out`, `stride` apart.
    unsafe fn write(&self, out: *mut f32, stride: usize) {
        let Self {
            tile,
            values,
            panel,
            start,
            rows,
            width,
        } = *self;
        // SAFETY: as the caller says; the stand-in has rows of 32 columns.
        unsafe {
            if width == COLUMNS {
                let (start, start_stride) = match start {
                    Some(start) => (start.as_ptr(), 0),
                    None => (out.cast_const(), stride),
                };
                return tile(values, panel, start, start_stride, out, stride);
            }
            // The last panel may have more columns than the rows.
            let mut sums = [start.copied().unwrap_or_default(); MOST_ROWS];
            let row = |at: usize| out.add(at * stride);
            for at in (0..rows).filter(|_| start.is_none()) {
                row(at).copy_to(sums[at].as_mut_ptr(), width);
            }
            let stand_in = sums.as_flattened_mut().as_mut_ptr();
            tile(values, panel, stand_in, COLUMNS, stand_in, COLUMNS);
            for (at, sums) in sums.iter().enumerate().take(rows) {
                row(at).copy_from(sums.as_ptr(), width);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};

    use super::{COLUMNS, DEPTH, Right, Rows, parts, product, spans, transposed};
    use crate::ops::Then;
    use crate::ops::finish::Finish;
    use crate::ops::panels::pack;

    /// Rows of pieces that lie apart.
    struct Apart {
        pieces: Vec<Vec<f32>>,
        parts: usize,
    }

    impl Rows for Apart {
        fn parts(&self) -> usize {
            self.parts
        }

        fn depth(&self) -> usize {
            self.pieces.first().map_or(0, Vec::len)
        }

        fn row<'a>(&'a self, row: usize, mut tell: impl FnMut(usize, &'a [f32])) {
            let pieces = &self.pieces[row * self.parts..][..self.parts];
            let pieces = pieces.iter().enumerate();
            pieces.for_each(|(part, piece)| tell(part, piece));
        }
    }

    fn whole(count: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 37) % 19) as f32 - 9.0).collect()
    }

    #[test]
    fn products_are_those_of_plain_loops_at_every_size() -> Result<()> {
        let sizes = [1, 11, 12, 13, 40];
        let shapes = sizes
            .into_iter()
            .flat_map(|m| [1, 31, 64, 70].map(|n| [m, 2, 3, n]));
        for [m, count, depth, n] in
            shapes.chain([[500, 1, 7, 33], [3, 3, 300, 5], [2, 1, 2000, 40]])
        {
            let left = whole(m * count * depth);
            let rows = Apart {
                pieces: left.chunks_exact(depth).map(<[f32]>::to_vec).collect(),
                parts: count,
            };
            let k = count * depth;
            let (values, bias) = (whole(k * n), whole(n));
            let mut panels = Vec::new();
            pack::<COLUMNS>([k, n], |row, column| values[row * n + column], &mut panels);
            let right = Right {
                panels: &panels,
                bias: &bias,
            };
            let beside = Tensor::arange(0f32, (m * n) as f32, &Device::Cpu)?;
            let finish = Finish::new(Then::Add(&beside))?;
            let got = finish.on([m, n], |finisher| product(m, &rows, right, finisher))?;
            assert_eq!(got.len(), m * n);
            for (place, got) in got.iter().enumerate() {
                let (row, column) = (place / n, place % n);
                let products = (0..k).map(|at| left[row * k + at] * values[at * n + column]);
                // Whole numbers: no sum is rounded.
                let expected = bias[column] + products.sum::<f32>() + place as f32;
                assert_eq!(*got, expected, "{m} {count} {depth} {n}: {row} {column}");
            }
        }
        Ok(())
    }

    #[test]
    fn panels_of_the_transpose_are_those_of_its_values() {
        for [k, n] in [[32, 64], [5, 3], [40, 33], [70, 100]] {
            let values = whole(k * n);
            let (mut panels, mut expected) = (Vec::new(), Vec::new());
            pack::<COLUMNS>([k, n], |row, column| values[row * n + column], &mut panels);
            let turned = |row: usize, column: usize| values[column * n + row];
            pack::<COLUMNS>([n, k], turned, &mut expected);
            assert_eq!(transposed([k, n], &panels), expected, "{k} {n}");
        }
    }

    #[test]
    fn every_value_is_in_one_span_and_no_group_is_too_long() {
        for [count, depth] in [[1, 5], [9, 64], [9, 512], [1, 3072], [4, 1000]] {
            let groups = spans(count, depth);
            let mut next = 0;
            for group in &groups {
                assert!(group.iter().map(|span| span.values.len()).sum::<usize>() <= DEPTH);
                for span in group {
                    assert_eq!(span.first, next);
                    assert_eq!(next % depth, span.values.start);
                    next += span.values.len();
                }
            }
            assert_eq!(next, count * depth);
        }
    }

    #[test]
    fn parts_are_all_of_it() {
        for (length, count) in [(7, 3), (12, 12), (5, 1), (0, 1)] {
            let all: Vec<usize> = parts(length, count).flatten().collect();
            assert_eq!(all, (0..length).collect::<Vec<_>>());
        }
    }
}
