//! One head of one group of sequences.
//!
//! A query's weights come in two pieces: on the rows that its group shares, where all
//! queries of the group go through one product, and on the rows of its own sequence.

use multiversion::multiversion;

use super::Queries;
use crate::ops::exp::exp;
use crate::ops::lanes::{First, Product, largest, sum, sum_of};
use crate::ops::matmul::{Matrix, matmul};
use crate::ops::number::{Each, Number, each_in_place};
use crate::ops::rectangles::Threads;
use crate::ops::sequences::Group;

/// Where the group's rows lie, from its first on, in the columns of this head.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub queries: Matrix<'a>,
    pub keys: Matrix<'a>,
    pub values: Matrix<'a>,
    pub group: &'a Group,
    pub asked: Queries,
    /// Columns of a head.
    pub width: usize,
}

/// Attention weights, or their gradients.
#[derive(Default)]
struct Weights {
    /// Of the shared queries on the shared rows, `[shared, shared]`.
    shared: Vec<f32>,
    /// Of the other queries on the shared rows, `[queries, shared]`.
    cross: Vec<f32>,
    /// Of the other queries on the rows of their own sequence, one sequence behind
    /// another, each `[queries of it, rows of it]`.
    own: Vec<f32>,
}

/// Memory that heads use one after another.
#[derive(Default)]
pub(super) struct Scratch {
    weights: Weights,
    gradients: Weights,
}

/// The queries and rows of one sequence, counted from the group's first own ones, and
/// where its own weights begin.
struct Span {
    query: usize,
    queries: usize,
    row: usize,
    rows: usize,
    weight: usize,
}

/// Queries of a sequence with so many rows of its own.
fn queries_of(asked: Queries, rows: usize) -> usize {
    match asked {
        Queries::OneEach => 1,
        Queries::Full | Queries::Causal => rows,
    }
}

/// Queries of shared rows.
fn shared_queries(asked: Queries, group: &Group) -> usize {
    match asked {
        Queries::OneEach => 0,
        Queries::Full | Queries::Causal => group.shared,
    }
}

/// Queries of a whole group.
pub(super) fn queries_in(asked: Queries, group: &Group) -> usize {
    let own = group.own.iter().map(|&rows| queries_of(asked, rows));
    shared_queries(asked, group) + own.sum::<usize>()
}

fn product(shape: [usize; 3], a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], scale: f32) {
    let stride = shape[2];
    matmul(shape, a, b, out, stride, false, scale, Threads::One);
}

fn add_product(shape: [usize; 3], a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], scale: f32) {
    let stride = shape[2];
    matmul(shape, a, b, out, stride, true, scale, Threads::One);
}

impl Weights {
    fn clear(&mut self, [shared, cross, own]: [usize; 3]) {
        for (weights, length) in [
            (&mut self.shared, shared),
            (&mut self.cross, cross),
            (&mut self.own, own),
        ] {
            weights.clear();
            weights.resize(length, 0.0);
        }
    }
}

impl Head<'_> {
    fn spans(&self) -> impl Iterator<Item = Span> + use<'_> {
        let (mut query, mut row, mut weight) = (0, 0, 0);
        self.group.own.iter().map(move |&rows| {
            let queries = queries_of(self.asked, rows);
            let span = Span {
                query,
                queries,
                row,
                rows,
                weight,
            };
            query += queries;
            row += rows;
            weight += queries * rows;
            span
        })
    }

    /// Shared queries, other queries, shared rows.
    fn counts(&self) -> [usize; 3] {
        let ahead = shared_queries(self.asked, self.group);
        let queries = queries_in(self.asked, self.group);
        [ahead, queries - ahead, self.group.shared]
    }

    fn sizes(&self) -> [usize; 3] {
        let [ahead, queries, shared] = self.counts();
        let own = self.spans().map(|span| span.queries * span.rows).sum();
        [ahead * shared, queries * shared, own]
    }

    fn scale(&self) -> f32 {
        (self.width as f32).powf(-0.5)
    }

    /// The products of `left` (a row for each query) with `right` (a row for each row of
    /// the group) into `out`, for what each query sees.
    fn products(&self, left: Matrix<'_>, right: Matrix<'_>, scale: f32, out: &mut Weights) {
        let [ahead, queries, shared] = self.counts();
        let (width, shared_rows) = (self.width, right.transposed());
        product(
            [ahead, width, shared],
            left,
            shared_rows,
            &mut out.shared,
            scale,
        );
        if queries == 0 {
            return;
        }
        let left = left.skip_rows(ahead);
        product(
            [queries, width, shared],
            left,
            shared_rows,
            &mut out.cross,
            scale,
        );
        for span in self.spans() {
            product(
                [span.queries, width, span.rows],
                left.skip_rows(span.query),
                right.skip_rows(shared + span.row).transposed(),
                &mut out.own[span.weight..],
                scale,
            );
        }
    }

    /// The attention weights; masked ones are zero.
    fn weigh(&self, weights: &mut Weights) {
        weights.clear(self.sizes());
        self.products(self.queries, self.keys, self.scale(), weights);
        let [_, _, shared] = self.counts();
        let is_causal = self.asked == Queries::Causal;
        for (at, row) in weights.shared.chunks_exact_mut(shared.max(1)).enumerate() {
            softmax(&mut [], row, at + 1);
        }
        for span in self.spans() {
            for at in 0..span.queries {
                let cross = (span.query + at) * shared;
                let own = span.weight + at * span.rows;
                let seen = if is_causal { at + 1 } else { span.rows };
                softmax(
                    &mut weights.cross[cross..cross + shared],
                    &mut weights.own[own..own + span.rows],
                    seen,
                );
            }
        }
    }

    /// Each query's mean of the values, `[queries, width]`; `out` is all zeros before.
    pub fn attend(&self, scratch: &mut Scratch, out: &mut [f32]) {
        let weights = &mut scratch.weights;
        self.weigh(weights);
        self.add_means(weights, self.values, 1.0, out);
    }

    /// Adds to each query's row of `out [queries, width]` the sum of `rows`, one for each
    /// of the group, by its weights.
    fn add_means(&self, weights: &Weights, rows: Matrix<'_>, scale: f32, out: &mut [f32]) {
        let [ahead, queries, shared] = self.counts();
        let width = self.width;
        let (first, behind) = out.split_at_mut(ahead * width);
        let table = Matrix::rows(&weights.shared, shared.max(1));
        add_product([ahead, shared, width], table, rows, first, scale);
        let table = Matrix::rows(&weights.cross, shared.max(1));
        add_product([queries, shared, width], table, rows, behind, scale);
        for span in self.spans() {
            add_product(
                [span.queries, span.rows, width],
                Matrix::rows(&weights.own[span.weight..], span.rows),
                rows.skip_rows(shared + span.row),
                &mut behind[span.query * width..],
                scale,
            );
        }
    }

    /// The other way round: adds to each of the group's rows of `out [rows, width]` the sum
    /// of `asking`, one for each query, by its weights.
    fn add_backwards(&self, weights: &Weights, asking: Matrix<'_>, scale: f32, out: &mut [f32]) {
        let [ahead, queries, shared] = self.counts();
        let width = self.width;
        let (first, behind) = out.split_at_mut(shared * width);
        let table = Matrix::rows(&weights.shared, shared.max(1)).transposed();
        add_product([shared, ahead, width], table, asking, first, scale);
        if queries == 0 {
            return;
        }
        let asking = asking.skip_rows(ahead);
        let table = Matrix::rows(&weights.cross, shared.max(1)).transposed();
        add_product([shared, queries, width], table, asking, first, scale);
        for span in self.spans() {
            add_product(
                [span.rows, span.queries, width],
                Matrix::rows(&weights.own[span.weight..], span.rows).transposed(),
                asking.skip_rows(span.query),
                &mut behind[span.row * width..],
                scale,
            );
        }
    }

    /// The gradients of the head's queries `[queries, width]`, keys and values
    /// `[rows, width]`, given that of what [`Self::attend`] gives; all zeros before.
    pub fn differentiate(
        &self,
        scratch: &mut Scratch,
        grad: Matrix<'_>,
        [queries, keys, values]: [&mut [f32]; 3],
    ) {
        let Scratch { weights, gradients } = scratch;
        self.weigh(weights);
        self.add_backwards(weights, grad, 1.0, values);

        // Of the weights, then, through the softmax, of the scores.
        gradients.clear(self.sizes());
        self.products(grad, self.values, 1.0, gradients);
        let [_, _, shared] = self.counts();
        let rows = weights.shared.chunks_exact(shared.max(1));
        for (grad, row) in gradients.shared.chunks_exact_mut(shared.max(1)).zip(rows) {
            softmax_gradient(&mut [], grad, &[], row);
        }
        for span in self.spans() {
            for at in 0..span.queries {
                let cross = (span.query + at) * shared..(span.query + at + 1) * shared;
                let own = span.weight + at * span.rows..span.weight + (at + 1) * span.rows;
                softmax_gradient(
                    &mut gradients.cross[cross.clone()],
                    &mut gradients.own[own.clone()],
                    &weights.cross[cross],
                    &weights.own[own],
                );
            }
        }
        self.add_means(gradients, self.keys, self.scale(), queries);
        self.add_backwards(gradients, self.queries, self.scale(), keys);
    }
}

/// Scores → weights, over `first` and the first `seen` of `second` together; what is
/// behind those gets none.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn softmax(first: &mut [f32], second: &mut [f32], seen: usize) {
    let (second, masked) = second.split_at_mut(seen);
    masked.fill(0.0);
    let largest = largest(first).max(largest(second));
    each_in_place(first, &Exponential { largest });
    each_in_place(second, &Exponential { largest });
    let inverse = 1.0 / (sum(first, &First) + sum(second, &First));
    each_in_place(first, &Times(inverse));
    each_in_place(second, &Times(inverse));
}

/// `e^(x − largest)`.
struct Exponential {
    largest: f32,
}

impl Each for Exponential {
    #[inline(always)]
    fn of<N: Number>(&self, x: N) -> N {
        exp(x.minus(N::splat(self.largest)))
    }
}

struct Times(f32);

impl Each for Times {
    #[inline(always)]
    fn of<N: Number>(&self, x: N) -> N {
        x.times(N::splat(self.0))
    }
}

/// The gradient of a row's weights, in two pieces, → that of its scores:
/// `w ∘ (g − Σ w∘g)`. A masked weight is zero, so its score's gradient is too.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn softmax_gradient(
    first: &mut [f32],
    second: &mut [f32],
    first_weights: &[f32],
    second_weights: &[f32],
) {
    let dot = sum_of(first, first_weights, &Product) + sum_of(second, second_weights, &Product);
    for (g, w) in first.iter_mut().zip(first_weights) {
        *g = w * (*g - dot);
    }
    for (g, w) in second.iter_mut().zip(second_weights) {
        *g = w * (*g - dot);
    }
}
