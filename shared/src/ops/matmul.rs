//! Matrix products on plain slices: through the `gemm` crate that candle uses, in
//! WebAssembly by panels, which are twice as fast there.

use std::cell::RefCell;

use gemm::Parallelism;

use super::panels::{add_product, pack};
use super::rectangles::Threads;
use super::tile::COLUMNS;
use super::work::count;

/// A row-major (or transposed, or strided) matrix inside a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `row_stride` values, the first of each row at `values[0]`.
    pub fn rows(values: &'a [f32], row_stride: usize) -> Self {
        Self {
            values,
            row_stride,
            column_stride: 1,
        }
    }

    /// Without the first so many rows.
    pub fn skip_rows(self, count: usize) -> Self {
        self.from(count * self.row_stride)
    }

    /// Without the first so many columns.
    pub fn skip_columns(self, count: usize) -> Self {
        self.from(count * self.column_stride)
    }

    fn from(self, start: usize) -> Self {
        Self {
            values: &self.values[start.min(self.values.len())..],
            ..self
        }
    }

    /// The transpose.
    pub fn transposed(self) -> Self {
        Self {
            values: self.values,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// `out = keep · out + scale · a·b`, with `a [m, k]`, `b [k, n]` and `out [m, n]`
/// in rows of `out_stride` values.
#[allow(clippy::too_many_arguments)]
pub(super) fn matmul(
    [m, k, n]: [usize; 3],
    a: Matrix<'_>,
    b: Matrix<'_>,
    out: &mut [f32],
    out_stride: usize,
    keep: bool,
    scale: f32,
    threads: Threads,
) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    let last = |x: Matrix<'_>, rows: usize, columns: usize| {
        (rows - 1) * x.row_stride + (columns - 1) * x.column_stride
    };
    assert!(last(a, m, k) < a.values.len(), "left matrix too short");
    assert!(last(b, k, n) < b.values.len(), "right matrix too short");
    assert!((m - 1) * out_stride + n <= out.len(), "result too short");
    if cfg!(target_arch = "wasm32") {
        if !keep {
            let rows = out.chunks_mut(out_stride).take(m);
            rows.for_each(|row| row[..n].fill(0.0));
        }
        let value = |row, column| scale * b.values[row * b.row_stride + column * b.column_stride];
        return by_panels([m, k, n], a, value, out, out_stride, threads);
    }
    count([m, k, n]);
    let parallelism = match threads {
        Threads::One => Parallelism::None,
        Threads::All => Parallelism::Rayon(0),
    };
    // SAFETY: the assertions above keep every index of the three operands
    // inside its slice, and `out` is borrowed mutably, so it aliases nothing.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            keep,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

thread_local! {
    /// Panels that one product uses after another.
    static PANELS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// `out += a·b`, with `a [m, k]`, the values of `b [k, n]`, which are laid out in panels
/// first, and `out [m, n]` in rows of `out_stride` values.
pub(super) fn by_panels(
    [m, k, n]: [usize; 3],
    a: Matrix<'_>,
    b: impl Fn(usize, usize) -> f32,
    out: &mut [f32],
    out_stride: usize,
    threads: Threads,
) {
    // Taken, since a thread that waits for others may begin another product.
    let mut panels = PANELS.take();
    pack::<COLUMNS>([k, n], b, &mut panels);
    add_product([m, k, n], a, &panels, out, out_stride, threads);
    PANELS.set(panels);
}

#[cfg(test)]
mod tests {
    use super::{Matrix, Threads, by_panels, matmul};

    #[test]
    fn by_panels_gives_what_the_library_gives() {
        let values: Vec<f32> = (0..200).map(|at| ((at * 29) % 17) as f32 - 8.0).collect();
        let [m, k, n] = [5, 6, 11];
        let left = [
            Matrix::rows(&values, k),
            Matrix::rows(&values, m).transposed(),
        ];
        let right = [
            Matrix::rows(&values, n),
            Matrix::rows(&values, k).transposed(),
        ];
        for a in left {
            for b in right {
                let mut expected = values[..m * n].to_vec();
                let mut got = expected.clone();
                let shape = [m, k, n];
                matmul(shape, a, b, &mut expected, n, true, 2.0, Threads::One);
                let value = |row, column| 2.0 * b.skip_rows(row).skip_columns(column).values[0];
                by_panels(shape, a, value, &mut got, n, Threads::All);
                assert_eq!(got, expected);
            }
        }
    }
}
