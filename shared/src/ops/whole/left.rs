//! The left matrix of a product in whole numbers.

use crate::ops::number::{Four, Lanes, Number};
use crate::ops::tile::ROWS;
use crate::parallel::*;

use super::{LARGEST, PAIR, QUAD};

/// Rows of a matrix in whole numbers, five rows side by side: `[⌈m / 5⌉, steps, 5]`, so that
/// a product reads them one after another.
#[derive(Default)]
pub struct Left<S> {
    pub steps: Vec<[S; ROWS]>,
    pub rows: Vec<Row>,
}

/// What the whole numbers of a row mean: each value is `offset + step ·` its number.
#[derive(Default, Clone, Copy)]
pub struct Row {
    pub offset: f32,
    pub step: f32,
}

/// Whole numbers of a row that a product takes in one step.
pub trait Step: Copy + Default + Send {
    /// Steps of four numbers.
    const OF_FOUR: usize;

    /// The nearest whole numbers to values from 0 to 127 become those of a row's next steps.
    fn put(values: Lanes, steps: &mut [[Self; ROWS]], row: usize);
}

impl Step for [u8; QUAD] {
    const OF_FOUR: usize = 1;

    #[inline(always)]
    fn put(values: Lanes, steps: &mut [[Self; ROWS]], row: usize) {
        steps[0][row] = values.bytes();
    }
}

impl Step for [i16; PAIR] {
    const OF_FOUR: usize = 2;

    #[inline(always)]
    fn put(values: Lanes, steps: &mut [[Self; ROWS]], row: usize) {
        [steps[0][row], steps[1][row]] = values.pairs();
    }
}

impl<S: Step> Left<S> {
    /// Becomes the matrix `x [m, k]`. Where the last five rows are fewer, what was there stays.
    pub fn fill(&mut self, [m, k]: [usize; 2], x: &[f32]) {
        let steps = k.div_ceil(QUAD) * S::OF_FOUR;
        self.rows.clear();
        self.rows.resize(m, Row::default());
        self.steps
            .resize(m.div_ceil(ROWS) * steps, Default::default());
        let fives = self.steps.par_chunks_mut(steps);
        fives
            .zip(self.rows.par_chunks_mut(ROWS).zip(x.par_chunks(ROWS * k)))
            .for_each(|(steps, (rows, x))| {
                for (at, (row, x)) in rows.iter_mut().zip(x.chunks_exact(k)).enumerate() {
                    *row = quantise(x, steps, at);
                }
            });
    }
}

/// Brings a row into whole numbers: the one `at` a place of the five.
fn quantise<S: Step>(x: &[f32], steps: &mut [[S; ROWS]], at: usize) -> Row {
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
    let put = |x: &[f32; QUAD], steps: &mut [[S; ROWS]]| {
        S::put(Lanes::load(x).minus(start).times(factor), steps, at);
    };
    let mut steps = steps.chunks_exact_mut(S::OF_FOUR);
    fours
        .iter()
        .zip(&mut steps)
        .for_each(|(x, steps)| put(x, steps));
    if let Some(steps) = steps.next() {
        // What fills up meets weights of zero.
        let mut last = [offset; QUAD];
        last[..rest.len()].copy_from_slice(rest);
        put(&last, steps);
    }
    Row { offset, step }
}
