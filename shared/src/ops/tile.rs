//! The innermost product: four rows by eight columns, summed in registers.
//!
//! With the eight sums, a row of the panel and a factor, eleven of WebAssembly's
//! sixteen registers on x86 are in use: with more rows or columns some would be put aside
//! in every step. It is written out, since a compiler that is asked for small code unrolls
//! no loop.

use super::number::{Four, Lanes};

/// Columns of a panel, in two halves.
pub(super) const COLUMNS: usize = 8;
/// Rows that are multiplied at once.
pub(super) const ROWS: usize = 4;

/// A row of a panel, or of sums.
pub(super) type Eight = [[f32; 4]; 2];

/// Adds to each row of `sums` the products of the row in `rows` with the panel: as far as
/// the shortest of them goes.
pub(super) fn tile(rows: [&[f32]; ROWS], panel: &[Eight], sums: &mut [Eight; ROWS]) {
    tile_of::<Lanes>(rows, panel, sums);
}

#[inline(always)]
fn tile_of<V: Four>(rows: [&[f32]; ROWS], panel: &[Eight], sums: &mut [Eight; ROWS]) {
    let load = |[left, right]: &Eight| (V::load(left), V::load(right));
    let (mut a0, mut a1) = load(&sums[0]);
    let (mut b0, mut b1) = load(&sums[1]);
    let (mut c0, mut c1) = load(&sums[2]);
    let (mut d0, mut d1) = load(&sums[3]);
    let add = |sum: V, x: V, y: V| sum.plus(x.times(y));
    let [a, b, c, d] = rows;
    for ((((eight, a), b), c), d) in panel.iter().zip(a).zip(b).zip(c).zip(d) {
        let (left, right) = load(eight);
        let x = V::splat(*a);
        (a0, a1) = (add(a0, x, left), add(a1, x, right));
        let x = V::splat(*b);
        (b0, b1) = (add(b0, x, left), add(b1, x, right));
        let x = V::splat(*c);
        (c0, c1) = (add(c0, x, left), add(c1, x, right));
        let x = V::splat(*d);
        (d0, d1) = (add(d0, x, left), add(d1, x, right));
    }
    let pairs = [(a0, a1), (b0, b1), (c0, c1), (d0, d1)];
    for ((left, right), sums) in pairs.into_iter().zip(sums) {
        left.store(&mut sums[0]);
        right.store(&mut sums[1]);
    }
}
