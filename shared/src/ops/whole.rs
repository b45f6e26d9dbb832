//! Products in whole numbers, as WebAssembly computes them with a weight of eight bits: four
//! products of bytes a lane or, where a browser has no instruction for that, two of sixteen
//! bits, which panels are brought into on their way.
//!
//! A row of the left matrix is brought into 0 to 127 by an offset and a step of its own:
//! seven bits, since that is what the instruction for it is certain about. So
//! `y = scale · (offset · Σw + step · Σ q·w)`, where the sums are exact.

mod left;
mod tile;

use super::finish::Finisher;
use super::number::{Four, Lanes, Number};
use super::rectangles::{Target, Threads, each};
use super::tile::{COLUMNS, Eight, ROWS, copy};
use super::work::count;
use left::{Left, Row, Step};
use tile::{Quads, Tile};

#[cfg(target_arch = "wasm32")]
pub(super) use tile::use_relaxed_simd;

/// Values of a column that lie side by side, and products of bytes that a lane adds up at once.
pub(super) const QUAD: usize = 4;
/// Products of sixteen bits that a lane adds up at once.
const PAIR: usize = 2;
/// The largest whole number of a row.
const LARGEST: f32 = 127.0;
/// Fives of rows of the left matrix that go through all panels before the next ones do.
const HEIGHT: usize = 40;

/// One column of a weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    /// What its whole numbers are multiplied by.
    pub scale: f32,
    /// The sum of its whole numbers.
    pub sum: f32,
}

/// Bytes of a matrix `[k, n]` in panels: rows and columns that fill up the last ones count.
pub(super) fn length([k, n]: [usize; 2]) -> usize {
    n.div_ceil(COLUMNS) * COLUMNS * k.div_ceil(QUAD) * QUAD
}

/// Lays a matrix `[k, n]` out in panels `[⌈n / 8⌉, ⌈k / 4⌉, 8, 4]` of the nearest whole
/// numbers from −127 to 127, with a scale for each column.
pub(super) fn pack(
    [k, n]: [usize; 2],
    value: impl Fn(usize, usize) -> f32,
) -> (Vec<u8>, Vec<Column>) {
    let mut bytes = vec![0u8; length([k, n])];
    let columns = (0..n).map(|column| {
        let largest = (0..k).fold(0f32, |largest, row| {
            largest.larger(value(row, column).abs())
        });
        let scale = largest / LARGEST;
        let mut sum = 0.0;
        for row in 0..k {
            // A column of zeros has no scale to divide by.
            let whole = if scale > 0.0 {
                (value(row, column) / scale).round()
            } else {
                0.0
            };
            let whole = whole.clamp(-LARGEST, LARGEST);
            bytes[place(k, row, column)] = whole as i8 as u8;
            sum += whole;
        }
        Column { scale, sum }
    });
    let columns = columns.collect();
    (bytes, columns)
}

/// Where a value of a matrix of `k` rows lies in its panels.
#[inline(always)]
fn place(k: usize, row: usize, column: usize) -> usize {
    let quads = k.div_ceil(QUAD);
    let quad = column / COLUMNS * quads + row / QUAD;
    (quad * COLUMNS + column % COLUMNS) * QUAD + row % QUAD
}

/// The value at a place of a matrix of `k` rows in panels.
#[inline(always)]
pub(super) fn at(panels: &[u8], columns: &[Column], k: usize, row: usize, column: usize) -> f32 {
    f32::from(panels[place(k, row, column)] as i8) * columns[column].scale
}

/// How products are computed, with the memory that one uses after another.
pub(super) enum Multiplier {
    /// By four values in bytes at a time.
    Narrow(Tile<[u8; QUAD]>, Left<[u8; QUAD]>),
    /// By two in sixteen bits.
    Wide(Tile<[i16; PAIR]>, Left<[i16; PAIR]>),
}

impl Default for Multiplier {
    /// By what this browser knows.
    fn default() -> Self {
        match tile::narrow_here() {
            Some(tile) => Self::Narrow(tile, Left::default()),
            None => Self::Wide(tile::wide::<tile::Here>, Left::default()),
        }
    }
}

/// The product of `x [m, k]` with a matrix `[k, n]` in panels, plus `bias [n]`, finished:
/// `[m, n]`.
pub(super) fn product(
    [m, k, n]: [usize; 3],
    x: &[f32],
    (panels, columns): (&[u8], &[Column]),
    bias: &[f32],
    finisher: Finisher<'_>,
    multiplier: &mut Multiplier,
) -> Vec<f32> {
    assert_eq!(
        [columns.len(), bias.len()],
        [n; 2],
        "columns or a bias of another size"
    );
    if m * k * n == 0 {
        return finisher.of_bias(m, bias);
    }
    count([m, k, n]);
    let right = Right {
        panels: panels.as_chunks::<16>().0.as_chunks::<2>().0,
        columns,
        bias,
        quads: k.div_ceil(QUAD),
    };
    match multiplier {
        Multiplier::Narrow(tile, left) => {
            left.fill([m, k], x);
            right.multiply(left, *tile, finisher)
        }
        Multiplier::Wide(tile, left) => {
            left.fill([m, k], x);
            right.multiply(left, *tile, finisher)
        }
    }
}

/// A weight in panels.
struct Right<'a> {
    panels: &'a [Quads],
    columns: &'a [Column],
    bias: &'a [f32],
    /// Of a panel.
    quads: usize,
}

impl Right<'_> {
    fn multiply<S: Step + Sync>(
        &self,
        left: &Left<S>,
        tile: Tile<S>,
        finisher: Finisher<'_>,
    ) -> Vec<f32> {
        let (m, n) = (left.rows.len(), self.columns.len());
        let mut out = Vec::with_capacity(m * n);
        let target = Target {
            first: out.as_mut_ptr(),
            stride: n,
        };
        let steps = self.quads * S::OF_FOUR;
        let threads = Threads::All.for_product([m, self.quads * QUAD, n]);
        let (fives, panels) = (m.div_ceil(ROWS), n.div_ceil(COLUMNS));
        each([fives, panels], HEIGHT, threads, |fives, panels| {
            for panel in panels {
                let first = panel * COLUMNS;
                let meaning = self.meaning(first);
                let width = COLUMNS.min(n - first);
                let panel = &self.panels[panel * self.quads..][..self.quads];
                for five in fives.clone() {
                    let mut sums = [Eight::default(); ROWS];
                    let is_another = five == fives.start;
                    let steps = &left.steps[five * steps..][..steps];
                    tile(steps, panel, is_another, &mut sums);
                    let row = five * ROWS;
                    let sums = &mut sums[..ROWS.min(m - row)];
                    for (of_row, sums) in left.rows[row..].iter().zip(sums.iter_mut()) {
                        meaning.bring_back(*of_row, sums);
                    }
                    finisher.finish_rows(row, first, width, sums);
                    for (row, sums) in (row..).zip(sums) {
                        // SAFETY: there is room for all places, and no other task has this
                        // row of this panel.
                        let out = unsafe { target.piece(row, first, width) };
                        copy(&sums.as_flattened()[..width], out);
                    }
                }
            }
        });
        // SAFETY: the tasks are all rows with all panels.
        unsafe { out.set_len(m * n) };
        out
    }

    /// What the sums of a panel's columns mean.
    fn meaning(&self, first: usize) -> Meaning {
        let mut meaning = Meaning::default();
        let lanes = meaning.scales.as_flattened_mut().iter_mut();
        let lanes = lanes.zip(meaning.constants.as_flattened_mut());
        let lanes = lanes.zip(meaning.bias.as_flattened_mut());
        let columns = self.columns[first..].iter().zip(&self.bias[first..]);
        for ((column, of_column), ((scale, constant), bias)) in columns.zip(lanes) {
            (*scale, *constant) = (column.scale, column.scale * column.sum);
            *bias = *of_column;
        }
        meaning
    }
}

/// What is made of the sums of eight columns.
#[derive(Default)]
struct Meaning {
    scales: Eight,
    /// `scale · Σw`
    constants: Eight,
    bias: Eight,
}

impl Meaning {
    /// `sums = scale · step · sums + offset · (scale · Σw) + bias`
    #[inline(always)]
    fn bring_back(&self, row: Row, sums: &mut Eight) {
        let (offset, step) = (Lanes::splat(row.offset), Lanes::splat(row.step));
        for (half, sums) in sums.iter_mut().enumerate() {
            let load = |values: &Eight| Lanes::load(&values[half]);
            let scaled = load(&self.scales).times(step).times(Lanes::load(sums));
            let more = load(&self.constants).times(offset).plus(scaled);
            load(&self.bias).plus(more).store(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tile::{narrow, wide};
    use super::{Left, Multiplier, at, length, pack, product};
    use crate::ops::finish::Finisher;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * 0.77).sin()).collect()
    }

    #[test]
    fn products_are_near_those_of_floats() {
        let mut both = [
            Multiplier::Narrow(narrow::<[i32; 4]>, Left::default()),
            Multiplier::Wide(wide::<[i32; 4]>, Left::default()),
        ];
        for [m, k, n] in [[1, 1, 1], [5, 6, 11], [4, 64, 8], [203, 9, 3], [2, 800, 20]] {
            let (x, w) = (values(m * k), values(k * n));
            let (panels, columns) = pack([k, n], |row, column| w[row * n + column]);
            assert_eq!((panels.len(), columns.len()), (length([k, n]), n));
            for (row, column) in [(0, 0), (k - 1, n - 1), (k / 2, n / 2)] {
                let near = at(&panels, &columns, k, row, column);
                assert!((near - w[row * n + column]).abs() <= columns[column].scale / 1.99);
            }
            let (bias, right) = (values(n), (&panels[..], &columns[..]));
            let [out, wide] = both
                .each_mut()
                .map(|multiplier| product([m, k, n], &x, right, &bias, Finisher::NONE, multiplier));
            assert_eq!(out, wide, "whole numbers are exact");
            assert_eq!(out.len(), m * n);
            for row in 0..m {
                for column in 0..n {
                    let products = (0..k).map(|i| x[row * k + i] * w[i * n + column]);
                    let expected = bias[column] + products.sum::<f32>();
                    let error = (out[row * n + column] - expected).abs();
                    // Half a step of each side: 1/127 of values up to one.
                    assert!(error < 0.012 * k as f32, "{m} {k} {n}: {error}");
                }
            }
        }
    }

    #[test]
    fn what_is_whole_is_exact() {
        // Rows from 0 to 127, a weight whose largest value is 127 steps.
        let [m, k, n] = [3, 10, 9];
        let x: Vec<f32> = (0..m * k)
            .map(|at| [0.0, 127.0, (at * 13 % 127) as f32][at % 3])
            .collect();
        let w: Vec<f32> = (0..k * n)
            .map(|at| ((at * 29) % 255) as f32 - 127.0)
            .collect();
        let value = |row: usize, column: usize| if row == 0 { 127.0 } else { w[row * n + column] };
        let (panels, columns) = pack([k, n], value);
        let right = (&panels[..], &columns[..]);
        let (bias, multiplier) = (vec![0.0; n], &mut Multiplier::default());
        let out = product([m, k, n], &x, right, &bias, Finisher::NONE, multiplier);
        for row in 0..m {
            for column in 0..n {
                let expected: f32 = (0..k).map(|i| x[row * k + i] * value(i, column)).sum();
                assert_eq!(out[row * n + column], expected);
            }
        }
    }
}
