//! The left matrix of a product of floats.

use std::ops::Range;

use crate::ops::matmul::Matrix;
use crate::ops::tile::ROWS;

/// Lays some rows of a matrix out, some columns of each, `[⌈rows / 5⌉, columns, 5]`: so a
/// product reads them one after another. Where the last five are fewer, what was there stays.
pub fn lay_out(
    a: Matrix<'_>,
    rows: Range<usize>,
    columns: Range<usize>,
    to: &mut Vec<[f32; ROWS]>,
) {
    let depth = columns.len();
    to.resize(rows.len().div_ceil(ROWS) * depth, [0.0; ROWS]);
    for (to, first) in to.chunks_exact_mut(depth).zip(rows.clone().step_by(ROWS)) {
        let row = |at| a.skip_rows(first + at).skip_columns(columns.start).values;
        let there = ROWS.min(rows.end - first);
        if there == ROWS && a.column_stride == 1 {
            interleave(std::array::from_fn(|at| &row(at)[..depth]), to);
            continue;
        }
        for at in 0..there {
            let values = row(at).iter().step_by(a.column_stride);
            to.iter_mut()
                .zip(values)
                .for_each(|(to, value)| to[at] = *value);
        }
    }
}

/// Lays five rows out, whose values lie side by side.
fn interleave([a, b, c, d, e]: [&[f32]; ROWS], to: &mut [[f32; ROWS]]) {
    let rows = a.iter().zip(b).zip(c).zip(d).zip(e);
    for (to, ((((a, b), c), d), e)) in to.iter_mut().zip(rows) {
        *to = [*a, *b, *c, *d, *e];
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS, lay_out};
    use crate::ops::matmul::Matrix;

    #[test]
    fn rows_are_laid_out_by_fives() {
        let values: Vec<f32> = (0..400).map(|at| at as f32).collect();
        for matrix in [
            Matrix::rows(&values, 20),
            Matrix::rows(&values, 20).transposed(),
        ] {
            for (rows, columns) in [(0..5, 0..20), (3..19, 2..13), (7..8, 19..20)] {
                let mut to = Vec::new();
                lay_out(matrix, rows.clone(), columns.clone(), &mut to);
                let depth = columns.len();
                assert_eq!(to.len(), rows.len().div_ceil(ROWS) * depth);
                for (at, row) in rows.enumerate() {
                    for (column, values) in to[at / ROWS * depth..][..depth].iter().enumerate() {
                        let place = matrix.skip_rows(row).skip_columns(columns.start + column);
                        assert_eq!(values[at % ROWS], place.values[0]);
                    }
                }
            }
        }
    }
}
