//! All heads of all groups, side by side on the cores.

use super::Queries;
use super::head::{Head, Scratch, queries_in};
use crate::ops::matmul::Matrix;
use crate::ops::sequences::Sequences;
use crate::parallel::*;

/// Rows that one task puts together.
const ROWS_PER_TASK: usize = 64;

/// Queries, keys and values, and the rows that belong together.
#[derive(Clone, Copy)]
pub(super) struct Fused<'a> {
    queries: Matrix<'a>,
    keys: Matrix<'a>,
    values: Matrix<'a>,
    sequences: &'a Sequences,
    asked: Queries,
    heads: usize,
    /// Columns of a head.
    width: usize,
}

/// A group's places in the operands.
#[derive(Clone, Copy)]
struct Place {
    group: usize,
    query: usize,
    queries: usize,
    row: usize,
    rows: usize,
}

/// What has a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Queries,
    Keys,
    Values,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Queries, Self::Keys, Self::Values];
}

/// Gradients, head by head.
pub(super) struct Gradients {
    places: Vec<Place>,
    heads: usize,
    width: usize,
    /// For each group and head: those of queries, keys and values one behind another.
    values: Vec<f32>,
}

impl<'a> Fused<'a> {
    /// `qkv [R, 3·C]`.
    pub fn of_rows(qkv: &'a [f32], sequences: &'a Sequences, heads: usize, asked: Queries) -> Self {
        let triple = qkv.len() / sequences.rows().max(1);
        let part = |at: usize| {
            let start = (at * triple / 3).min(qkv.len());
            Matrix::rows(&qkv[start..], triple)
        };
        Self {
            queries: part(0),
            keys: part(1),
            values: part(2),
            sequences,
            asked,
            heads,
            width: triple / 3 / heads,
        }
    }

    /// `queries [N, C]`, `keys_values [R, 2·C]`.
    pub fn of_one(
        queries: &'a [f32],
        keys_values: &'a [f32],
        sequences: &'a Sequences,
        heads: usize,
    ) -> Self {
        let columns = queries.len() / sequences.count().max(1);
        let behind = columns.min(keys_values.len());
        Self {
            queries: Matrix::rows(queries, columns),
            keys: Matrix::rows(keys_values, 2 * columns),
            values: Matrix::rows(&keys_values[behind..], 2 * columns),
            sequences,
            asked: Queries::OneEach,
            heads,
            width: columns / heads,
        }
    }

    fn places(&self) -> Vec<Place> {
        let (mut query, mut row) = (0, 0);
        let groups = self.sequences.groups().iter().enumerate();
        let places = groups.map(|(group, it)| {
            let place = Place {
                group,
                query,
                queries: queries_in(self.asked, it),
                row,
                rows: it.rows(),
            };
            query += place.queries;
            row += place.rows;
            place
        });
        places.collect()
    }

    fn head(&self, place: Place, head: usize) -> Head<'a> {
        let column = head * self.width;
        Head {
            queries: self.queries.skip_rows(place.query).skip_columns(column),
            keys: self.keys.skip_rows(place.row).skip_columns(column),
            values: self.values.skip_rows(place.row).skip_columns(column),
            group: &self.sequences.groups()[place.group],
            asked: self.asked,
            width: self.width,
        }
    }

    /// What `work` makes of each head of each group, with so many values of its own as
    /// `size` says.
    fn each_head(
        &self,
        places: &[Place],
        size: impl Fn(Place) -> usize,
        work: impl Fn(&mut Scratch, Place, usize, &mut [f32]) + Sync,
    ) -> Vec<f32> {
        let total = places.iter().map(|&place| self.heads * size(place)).sum();
        let mut values = vec![0f32; total];
        let mut tasks = Vec::with_capacity(places.len() * self.heads);
        let mut rest = values.as_mut_slice();
        for &place in places {
            for head in 0..self.heads {
                let (own, behind) = rest.split_at_mut(size(place));
                rest = behind;
                tasks.push((place, head, own));
            }
        }
        let tasks = tasks.into_par_iter();
        tasks.for_each_init(Scratch::default, |scratch, (place, head, own)| {
            work(scratch, place, head, own);
        });
        values
    }

    /// `[queries, C]`.
    pub fn forward(&self) -> Vec<f32> {
        let places = self.places();
        let size = |place: Place| place.queries * self.width;
        let values = self.each_head(&places, size, |scratch, place, head, out| {
            self.head(place, head).attend(scratch, out);
        });
        let columns = self.heads * self.width;
        let mut out = vec![0f32; values.len()];
        let (mut behind, mut left) = (out.as_mut_slice(), values.as_slice());
        for place in places {
            let (rows, rest) = behind.split_at_mut(place.queries * columns);
            let (heads, others) = left.split_at(rows.len());
            (behind, left) = (rest, others);
            let size = place.queries * self.width;
            let shape = [columns, 0, self.heads, self.width];
            interleave(rows, shape, |head| &heads[head * size..]);
        }
        out
    }

    /// The gradients, given that of [`Self::forward`]'s result `[queries, C]`.
    pub fn backward(&self, grad: &[f32]) -> Gradients {
        let grad = Matrix::rows(grad, self.heads * self.width);
        let places = self.places();
        let width = self.width;
        let size = |place: Place| (place.queries + 2 * place.rows) * width;
        let values = self.each_head(&places, size, |scratch, place, head, out| {
            let grad = grad.skip_rows(place.query).skip_columns(head * width);
            let (queries, out) = out.split_at_mut(place.queries * width);
            let (keys, values) = out.split_at_mut(place.rows * width);
            let parts = [queries, keys, values];
            self.head(place, head).differentiate(scratch, grad, parts);
        });
        Gradients {
            places,
            heads: self.heads,
            width,
            values,
        }
    }
}

impl Gradients {
    /// Writes one of them into rows of `stride` values, from `column` on.
    pub fn write(&self, part: Part, out: &mut [f32], stride: usize, column: usize) {
        let mut start = 0;
        for place in &self.places {
            let (query, rows) = (place.queries * self.width, place.rows * self.width);
            let size = query + 2 * rows;
            let (first, count, before) = match part {
                Part::Queries => (place.query, place.queries, 0),
                Part::Keys => (place.row, place.rows, query),
                Part::Values => (place.row, place.rows, query + rows),
            };
            let own = &mut out[first * stride..(first + count) * stride];
            let of_group = &self.values[start..start + self.heads * size];
            let shape = [stride, column, self.heads, self.width];
            interleave(own, shape, |head| &of_group[head * size + before..]);
            start += self.heads * size;
        }
    }
}

/// Puts rows of heads, `head(h) [rows, width]`, side by side into rows of `stride` values,
/// from `column` on.
fn interleave<'a>(
    out: &mut [f32],
    [stride, column, heads, width]: [usize; 4],
    head: impl Fn(usize) -> &'a [f32] + Sync,
) {
    let task = ROWS_PER_TASK * stride.max(1);
    out.par_chunks_mut(task).enumerate().for_each(|(at, rows)| {
        for (row, out) in rows.chunks_exact_mut(stride).enumerate() {
            let from = (at * ROWS_PER_TASK + row) * width;
            let columns = out[column..column + heads * width].chunks_exact_mut(width);
            for (at, out) in columns.enumerate() {
                out.copy_from_slice(&head(at)[from..from + width]);
            }
        }
    });
}
