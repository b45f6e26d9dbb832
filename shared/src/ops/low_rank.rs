//! Products of two thin matrices beside the projections of an attention, all in one pass.

use std::ops::Range;

use candle_core::{Device, Layout, Result, Storage, Tensor, bail};
use multiversion::multiversion;

use super::contiguous;
use super::dropout::{Dropout, Mask};
use super::lanes::{Product, sum_of};
use super::own_gradient::{into_values, with_gradient};
use super::work::count;
use crate::parallel::*;

/// What is added to the projections of an attention: for each part
/// `scaling · (drop(x)·Aᵀ)·Bᵀ`.
#[derive(Debug, Clone)]
pub struct LowRanks {
    /// The parts' A `[rank, width]`, one below the other.
    pub a: Tensor,
    /// The parts' transposed B `[rank, width]`, in the same way.
    pub b: Tensor,
    pub parts: Vec<LowRankPart>,
    /// Whether what goes in gets no gradient from here.
    pub detached_input: bool,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct LowRankPart {
    pub beside: Beside,
    pub rank: usize,
    pub scaling: f64,
    pub dropout: Option<Dropout>,
}

/// What a part is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Queries, keys or values: the first of the in-projection's columns.
    Input { column: usize },
    /// The attention's output.
    Output,
}

impl LowRanks {
    /// What is added to queries, keys and values, f32 on the CPU: `x [R, width]` →
    /// `[R, 3·width]`; differentiable in `x`, `a` and `b`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let (drawn, input) = (self.drawn(rows, width)?, x.detach());
        let zeros = Tensor::zeros((rows, 3 * width), x.dtype(), x.device())?;
        let y = drawn.onto_inputs(&input, zeros)?;
        with_gradient(y, [x, &self.a, &self.b], move |grad| {
            let mut of_matrices = drawn.no_gradients();
            let of_x = drawn.through_inputs(&input, grad, None, &mut of_matrices)?;
            let [of_a, of_b] = of_matrices.into_tensors(width)?;
            Ok([Some(of_x), Some(of_a), Some(of_b)])
        })
    }

    /// The same for inputs of so many rows, with what is dropped in them.
    pub(super) fn drawn(&self, rows: usize, width: usize) -> Result<Drawn> {
        let mut first = 0;
        let parts = self.parts.iter().map(|part| {
            first += part.rank;
            DrawnPart {
                beside: part.beside,
                values: (first - part.rank) * width..first * width,
                scaling: part.scaling as f32,
                mask: part.dropout.as_ref().map(|it| it.mask(rows, width)),
            }
        });
        Ok(Drawn {
            parts: parts.collect(),
            a: self.a.flatten_all()?.to_vec1()?,
            b: self.b.flatten_all()?.to_vec1()?,
            width,
            detached_input: self.detached_input,
        })
    }
}

/// Low ranks with what a step drops.
pub(super) struct Drawn {
    a: Vec<f32>,
    b: Vec<f32>,
    parts: Vec<DrawnPart>,
    width: usize,
    detached_input: bool,
}

struct DrawnPart {
    beside: Beside,
    /// Where its values lie in `a` and `b`.
    values: Range<usize>,
    scaling: f32,
    mask: Option<Mask>,
}

/// Gradients of `a` and `b`, as they lie there.
pub(super) struct OfMatrices {
    a: Vec<f32>,
    b: Vec<f32>,
}

impl OfMatrices {
    /// `[ranks, width]` each.
    pub fn into_tensors(self, width: usize) -> Result<[Tensor; 2]> {
        let ranks = self.a.len() / width.max(1);
        let tensor = |values| Tensor::from_vec(values, (ranks, width), &Device::Cpu);
        Ok([tensor(self.a)?, tensor(self.b)?])
    }
}

impl Drawn {
    pub fn no_gradients(&self) -> OfMatrices {
        OfMatrices {
            a: vec![0.0; self.a.len()],
            b: vec![0.0; self.b.len()],
        }
    }

    /// Whether anything is added to the output.
    pub fn has_output(&self) -> bool {
        self.parts.iter().any(|part| part.beside == Beside::Output)
    }

    /// `qkv [R, 3·width]` with what `x [R, width]` adds.
    pub fn onto_inputs(&self, x: &Tensor, qkv: Tensor) -> Result<Tensor> {
        self.onto(x, qkv, &self.inputs())
    }

    /// `output [R, width]` with what `attended [R, width]` adds.
    pub fn onto_output(&self, attended: &Tensor, output: Tensor) -> Result<Tensor> {
        self.onto(attended, output, &self.outputs())
    }

    /// The gradient of `x [R, width]`, added to what there is of it, and those of the
    /// matrices, given that of [`Self::onto_inputs`].
    pub fn through_inputs(
        &self,
        x: &Tensor,
        grad: &Tensor,
        so_far: Option<Tensor>,
        of_matrices: &mut OfMatrices,
    ) -> Result<Tensor> {
        self.through(x, grad, so_far, of_matrices, &self.inputs())
    }

    /// The same of [`Self::onto_output`].
    pub fn through_output(
        &self,
        attended: &Tensor,
        grad: &Tensor,
        so_far: Tensor,
        of_matrices: &mut OfMatrices,
    ) -> Result<Tensor> {
        self.through(attended, grad, Some(so_far), of_matrices, &self.outputs())
    }

    fn inputs(&self) -> Vec<(usize, &DrawnPart)> {
        let column = |part: &DrawnPart| match part.beside {
            Beside::Input { column } => Some(column),
            Beside::Output => None,
        };
        let parts = self.parts.iter();
        parts
            .filter_map(|part| Some((column(part)?, part)))
            .collect()
    }

    fn outputs(&self) -> Vec<(usize, &DrawnPart)> {
        let parts = self.parts.iter();
        let parts = parts.filter(|part| part.beside == Beside::Output);
        parts.map(|part| (0, part)).collect()
    }

    fn thin<'a>(&'a self, parts: &[(usize, &'a DrawnPart)]) -> Vec<Thin<'a>> {
        let thin = |&(column, part): &(usize, &'a DrawnPart)| Thin {
            a: &self.a[part.values.clone()],
            b: &self.b[part.values.clone()],
            scaling: part.scaling,
            mask: part.mask.as_ref(),
            column,
        };
        parts.iter().map(thin).collect()
    }

    fn onto(&self, x: &Tensor, y: Tensor, parts: &[(usize, &DrawnPart)]) -> Result<Tensor> {
        if parts.is_empty() {
            return Ok(y);
        }
        let (width, thin) = (self.width, self.thin(parts));
        let dims = y.dims2()?;
        let mut y = into_values(y)?;
        let (x, layout) = x.storage_and_layout();
        let x = on_cpu(&x, layout)?;
        y.par_chunks_mut(ROWS_PER_TASK * dims.1)
            .zip(x.par_chunks(ROWS_PER_TASK * width))
            .enumerate()
            .for_each(|(task, (y, x))| add(task * ROWS_PER_TASK, x, &thin, y, dims.1));
        thin.iter().for_each(|thin| thin.count(dims.0, 2));
        Tensor::from_vec(y, dims, &Device::Cpu)
    }

    fn through(
        &self,
        x: &Tensor,
        grad: &Tensor,
        so_far: Option<Tensor>,
        of_matrices: &mut OfMatrices,
        parts: &[(usize, &DrawnPart)],
    ) -> Result<Tensor> {
        let (width, thin) = (self.width, self.thin(parts));
        let (rows, stride) = grad.dims2()?;
        let mut of_x = match so_far {
            Some(so_far) => into_values(so_far)?,
            None => vec![0.0; rows * width],
        };
        let (x, layout) = x.storage_and_layout();
        let x = on_cpu(&x, layout)?;
        let (grad, layout) = grad.storage_and_layout();
        let grad = on_cpu(&grad, layout)?;
        let task = ROWS_PER_TASK * width;
        let sums: Vec<Vec<f32>> = of_x
            .par_chunks_mut(task)
            .zip(x.par_chunks(task))
            .zip(grad.par_chunks(ROWS_PER_TASK * stride))
            .enumerate()
            .map(|(task, ((of_x, x), grad))| {
                let of_x = (!self.detached_input).then_some(of_x);
                differentiate(task * ROWS_PER_TASK, x, &thin, grad, stride, of_x)
            })
            .collect();
        // In the order of the rows: the sum is the same however many cores there are.
        for sums in &sums {
            let mut sums = sums.as_slice();
            for (_, part) in parts {
                for of_matrix in [&mut of_matrices.a, &mut of_matrices.b] {
                    let of_matrix = &mut of_matrix[part.values.clone()];
                    let (own, behind) = sums.split_at(of_matrix.len());
                    of_matrix.iter_mut().zip(own).for_each(|(sum, x)| *sum += x);
                    sums = behind;
                }
            }
        }
        thin.iter().for_each(|thin| thin.count(rows, 5));
        Tensor::from_vec(of_x, (rows, width), &Device::Cpu)
    }
}

fn on_cpu<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => contiguous("low-rank", storage, layout),
        _ => bail!("low-rank: not on the CPU"),
    }
}

/// Rows handled by one task.
const ROWS_PER_TASK: usize = 64;

/// A part as slices.
struct Thin<'a> {
    a: &'a [f32],
    b: &'a [f32],
    scaling: f32,
    mask: Option<&'a Mask>,
    /// The first column of what it is added to.
    column: usize,
}

impl Thin<'_> {
    /// Counts so many products of as many rows with one of the matrices.
    fn count(&self, rows: usize, products: usize) {
        count([rows, products, self.a.len()]);
    }

    /// What of a row is not dropped.
    #[inline(always)]
    fn kept<'a>(&self, row: usize, x: &'a [f32], scratch: &'a mut [f32]) -> &'a [f32] {
        match self.mask {
            Some(mask) => {
                mask.apply(row, x, scratch);
                scratch
            }
            None => x,
        }
    }
}

/// `to += factor · x`.
#[inline(always)]
fn add_times(to: &mut [f32], factor: f32, x: &[f32]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += factor * x;
    }
}

/// Adds to the rows of `y`, of `stride` values each, what those of `x` give; the first is
/// the `first` of all.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn add(first: usize, x: &[f32], thin: &[Thin], y: &mut [f32], stride: usize) {
    let rows = y.len() / stride;
    let width = x.len() / rows;
    let mut scratch = vec![0.0; width];
    for (at, (x, y)) in x
        .chunks_exact(width)
        .zip(y.chunks_exact_mut(stride))
        .enumerate()
    {
        for thin in thin {
            let x = thin.kept(first + at, x, &mut scratch);
            let y = &mut y[thin.column..][..width];
            for (a, b) in thin.a.chunks_exact(width).zip(thin.b.chunks_exact(width)) {
                let share = thin.scaling * sum_of(x, a, &Product);
                add_times(y, share, b);
            }
        }
    }
}

/// Adds the gradients of the rows to `of_x`; returns those of each part's A and B, summed
/// over the rows, one behind the other.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn differentiate(
    first: usize,
    x: &[f32],
    thin: &[Thin],
    grad: &[f32],
    stride: usize,
    of_x: Option<&mut [f32]>,
) -> Vec<f32> {
    let rows = grad.len() / stride;
    let width = x.len() / rows;
    let mut scratch = [vec![0.0; width], vec![0.0; width]];
    let [kept, through] = &mut scratch;
    let mut sums = vec![0.0; thin.iter().map(|thin| 2 * thin.a.len()).sum()];
    let mut of_x = of_x;
    for (at, (x, grad)) in x
        .chunks_exact(width)
        .zip(grad.chunks_exact(stride))
        .enumerate()
    {
        let mut sums = sums.as_mut_slice();
        for thin in thin {
            let x = thin.kept(first + at, x, kept);
            let grad = &grad[thin.column..][..width];
            let (of_a, behind) = sums.split_at_mut(thin.a.len());
            let (of_b, behind) = behind.split_at_mut(thin.b.len());
            sums = behind;
            through.fill(0.0);
            let matrices = thin.a.chunks_exact(width).zip(thin.b.chunks_exact(width));
            let gradients = of_a
                .chunks_exact_mut(width)
                .zip(of_b.chunks_exact_mut(width));
            for ((a, b), (of_a, of_b)) in matrices.zip(gradients) {
                let share = thin.scaling * sum_of(x, a, &Product);
                let back = thin.scaling * sum_of(grad, b, &Product);
                add_times(of_a, back, x);
                add_times(of_b, share, grad);
                add_times(through, back, a);
            }
            if let Some(of_x) = &mut of_x {
                let through = thin.kept(first + at, through, kept);
                add_times(&mut of_x[at * width..][..width], 1.0, through);
            }
        }
    }
    sums
}
