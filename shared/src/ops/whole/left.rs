//! The left matrix of a product in whole numbers.

use crate::ops::number::{Four, Lanes, Number};
use crate::ops::tile::ROWS;
use crate::parallel::*;

use super::{LARGEST, QUAD};

/// Rows of a matrix in whole numbers, four rows side by side: `[⌈m / 4⌉, ⌈k / 4⌉, 4, 4]`, so
/// that a product reads them one after another.
#[derive(Default)]
pub struct Left<Q> {
    pub quads: Vec<[Q; ROWS]>,
    pub rows: Vec<Row>,
}

/// What the whole numbers of a row mean: each value is `offset + step ·` its number.
#[derive(Default, Clone, Copy)]
pub struct Row {
    pub offset: f32,
    pub step: f32,
}

/// Four whole numbers of a row.
pub trait Quad: Copy + Default + Send {
    /// The nearest ones to values from 0 to 127.
    fn of(values: Lanes) -> Self;
}

impl Quad for [u8; QUAD] {
    #[inline(always)]
    fn of(values: Lanes) -> Self {
        values.bytes()
    }
}

impl Quad for [i16; QUAD] {
    #[inline(always)]
    fn of(values: Lanes) -> Self {
        values.shorts()
    }
}

impl<Q: Quad> Left<Q> {
    /// Becomes the matrix `x [m, k]`. Where the last four rows are fewer, what was there stays.
    pub fn fill(&mut self, [m, k]: [usize; 2], x: &[f32]) {
        let quads = k.div_ceil(QUAD);
        self.rows.clear();
        self.rows.resize(m, Row::default());
        self.quads
            .resize(m.div_ceil(ROWS) * quads, Default::default());
        let fours = self.quads.par_chunks_mut(quads);
        fours
            .zip(self.rows.par_chunks_mut(ROWS).zip(x.par_chunks(ROWS * k)))
            .for_each(|(quads, (rows, x))| {
                for (at, (row, x)) in rows.iter_mut().zip(x.chunks_exact(k)).enumerate() {
                    *row = quantise(x, quads.iter_mut().map(|quad| &mut quad[at]));
                }
            });
    }
}

/// Brings a row into whole numbers.
fn quantise<'a, Q: Quad + 'a>(x: &[f32], quads: impl Iterator<Item = &'a mut Q>) -> Row {
    let (fours, rest) = x.as_chunks::<QUAD>();
    let mut least = [x[0]; QUAD];
    let mut most = least;
    let (mut low, mut high) = (Lanes::load(&least), Lanes::load(&most));
    for x in fours {
        let x = Lanes::load(x);
        (low, high) = (low.smaller(x), high.larger(x));
    }
    low.store(&mut least);
    high.store(&mut most);
    let offset = least.iter().chain(rest).fold(x[0], |a, b| a.smaller(*b));
    let most = most.iter().chain(rest).fold(x[0], |a, b| a.larger(*b));
    let step = (most - offset) / LARGEST;
    let inverse = if step > 0.0 { 1.0 / step } else { 0.0 };
    let (factor, start) = (Lanes::splat(inverse), Lanes::splat(offset));
    // What fills up meets weights of zero.
    let mut last = [offset; QUAD];
    last[..rest.len()].copy_from_slice(rest);
    for (quad, x) in quads.zip(fours.iter().chain([&last])) {
        *quad = Q::of(Lanes::load(x).minus(start).times(factor));
    }
    Row { offset, step }
}
