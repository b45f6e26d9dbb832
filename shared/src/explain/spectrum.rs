//! The largest eigenvalues of a symmetric matrix with their eigenvectors: subspace
//! iteration with the Ritz values of each round (Golub and Van Loan, "Matrix
//! Computations", section 8.2), whose small problem Jacobi's rotations solve
//! (section 8.5).

use crate::eval::highest_first;

/// Vectors that are iterated together. More than are asked for: those behind make the
/// first ones settle sooner.
const TOGETHER: usize = 12;
const MOST_ROUNDS: usize = 400;
const MOST_SWEEPS: usize = 40;
/// What may be left of `A·v − λ·v`, as a share of the largest eigenvalue.
const LEFT: f64 = 1e-9;

/// The `count` largest eigenvalues of `matrix` (symmetric, no eigenvalue below zero),
/// largest first, each with its eigenvector of length 1. Fewer if it is smaller than
/// that.
pub(super) fn leading(matrix: &[Vec<f64>], count: usize) -> Vec<(f64, Vec<f64>)> {
    let size = matrix.len();
    let together = size.min(TOGETHER.max(count));
    let mut vectors = orthonormal(start(together, size));
    let mut values = vec![0.0; together];
    for _ in 0..MOST_ROUNDS {
        let images: Vec<Vec<f64>> = vectors.iter().map(|vector| times(matrix, vector)).collect();
        let small: Vec<Vec<f64>> = vectors
            .iter()
            .map(|vector| images.iter().map(|image| dot(vector, image)).collect())
            .collect();
        let (found, turns) = all_of(small);
        vectors = combined(&vectors, &turns);
        let images = combined(&images, &turns);
        values = found;
        let limit = LEFT * values.first().copied().unwrap_or(0.0).abs();
        let is_settled = |at: usize| {
            let pairs = images[at].iter().zip(&vectors[at]);
            let left = pairs.map(|(image, vector)| (image - values[at] * vector).powi(2));
            left.sum::<f64>().sqrt() <= limit
        };
        if together == size || (0..count.min(together)).all(is_settled) {
            break;
        }
        vectors = orthonormal(images);
    }
    values.into_iter().zip(vectors).take(count).collect()
}

/// Vectors that no matrix is likely to have been made for, always the same.
fn start(count: usize, size: usize) -> Vec<Vec<f64>> {
    let mut state = 0x2545_f491_u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24) - 0.5
    };
    (0..count)
        .map(|_| (0..size).map(|_| value()).collect())
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times(matrix: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| dot(row, vector)).collect()
}

/// The same subspace in vectors of length 1 at right angles (Gram and Schmidt, twice
/// over for rounding); one that lies in those before it becomes an axis that does not.
fn orthonormal(vectors: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut done: Vec<Vec<f64>> = Vec::new();
    for vector in vectors {
        let size = vector.len();
        let axes = (0..size).map(|at| {
            let mut axis = vec![0.0; size];
            axis[at] = 1.0;
            axis
        });
        let candidates = std::iter::once(vector).chain(axes);
        let fresh = candidates.into_iter().find_map(|mut vector| {
            let before = dot(&vector, &vector).sqrt();
            for _ in 0..2 {
                for other in &done {
                    let share = dot(&vector, other);
                    for (value, other) in vector.iter_mut().zip(other) {
                        *value -= share * other;
                    }
                }
            }
            let length = dot(&vector, &vector).sqrt();
            (before > 0.0 && length > 1e-10 * before).then(|| {
                vector.iter_mut().for_each(|value| *value /= length);
                vector
            })
        });
        done.extend(fresh);
    }
    done
}

/// Sums of `vectors` with the weights of each of `turns`.
fn combined(vectors: &[Vec<f64>], turns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    turns
        .iter()
        .map(|weights| {
            let mut sum = vec![0.0; vectors.first().map_or(0, Vec::len)];
            for (vector, weight) in vectors.iter().zip(weights) {
                for (sum, value) in sum.iter_mut().zip(vector) {
                    *sum += weight * value;
                }
            }
            sum
        })
        .collect()
}

/// All eigenvalues of a small symmetric matrix, largest first, with their eigenvectors.
fn all_of(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = matrix.len();
    // Row by row an eigenvector in the making.
    let mut vectors: Vec<Vec<f64>> = (0..size)
        .map(|at| (0..size).map(|to| f64::from(u8::from(at == to))).collect())
        .collect();
    for _ in 0..MOST_SWEEPS {
        let scale = (0..size).map(|at| matrix[at][at].abs()).fold(0.0, f64::max);
        let mut is_done = true;
        for p in 0..size {
            for q in p + 1..size {
                if matrix[p][q].abs() > 1e-15 * scale {
                    is_done = false;
                    rotate(&mut matrix, &mut vectors, p, q);
                }
            }
        }
        if is_done {
            break;
        }
    }
    let order = highest_first((0..size).map(|at| matrix[at][at]));
    let values = order.iter().map(|at| matrix[*at][*at]).collect();
    let vectors = order.iter().map(|at| vectors[*at].clone()).collect();
    (values, vectors)
}

/// Turns the coordinates `p` and `q` so that their product vanishes.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    let sine = tangent * cosine;
    for row in matrix.iter_mut() {
        let (a, b) = (row[p], row[q]);
        row[p] = cosine * a - sine * b;
        row[q] = sine * a + cosine * b;
    }
    for rows in [matrix, vectors] {
        for column in 0..rows[p].len() {
            let (a, b) = (rows[p][column], rows[q][column]);
            rows[p][column] = cosine * a - sine * b;
            rows[q][column] = sine * a + cosine * b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{dot, leading, times};

    fn check(matrix: &[Vec<f64>], expected: &[f64]) {
        let found = leading(matrix, expected.len());
        assert_eq!(found.len(), expected.len());
        let scale = expected[0].abs().max(1e-300);
        for ((value, vector), expected) in found.iter().zip(expected) {
            assert!(
                (value - expected).abs() < 1e-9 * scale,
                "{value} {expected}"
            );
            assert!((dot(vector, vector) - 1.0).abs() < 1e-12);
            for (image, own) in times(matrix, vector).iter().zip(vector) {
                assert!((image - value * own).abs() < 1e-8 * scale);
            }
        }
    }

    fn diagonal(values: &[f64]) -> Vec<Vec<f64>> {
        let rows = values.iter().enumerate();
        rows.map(|(at, value)| {
            let mut row = vec![0.0; values.len()];
            row[at] = *value;
            row
        })
        .collect()
    }

    #[test]
    fn the_largest_come_first() {
        check(&[vec![3.0]], &[3.0]);
        check(&[vec![2.0, 1.0], vec![1.0, 2.0]], &[3.0, 1.0]);
        check(&diagonal(&[1.0, 5.0, 2.0, 4.0]), &[5.0, 4.0]);
        // Larger than what is iterated together, values close by, one value twice.
        let many: Vec<f64> = (0..60).map(|at| 1.0 + f64::from(at) / 60.0).collect();
        check(&diagonal(&many), &[1.0 + 59.0 / 60.0, 1.0 + 58.0 / 60.0]);
        let twice: Vec<f64> = (0..40).map(|at| f64::from(at.min(38))).collect();
        check(&diagonal(&twice), &[38.0, 38.0]);
        check(&diagonal(&[0.0; 30]), &[0.0, 0.0]);
        assert!(leading(&[], 2).is_empty());
    }

    #[test]
    fn a_matrix_of_products_is_taken_apart() {
        // Rows of A·Aᵀ with A = [1, 2, …]ᵀ: one eigenvalue, the square of its length.
        let a: Vec<f64> = (1..=20).map(f64::from).collect();
        let matrix: Vec<Vec<f64>> = a
            .iter()
            .map(|x| a.iter().map(|y| x * y).collect())
            .collect();
        check(&matrix, &[dot(&a, &a), 0.0]);
    }
}
