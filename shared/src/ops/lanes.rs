//! Sums and maxima in sixteen lanes.
//!
//! Additions are not reordered by a compiler, so that a plain sum goes one by one. These
//! have an order of their own, the same on every processor, that SIMD code can follow.

const LANES: usize = 16;

/// `Σ f(a, b)` over the pairs of two slices of one length.
#[inline(always)]
pub(super) fn sum_of(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder());
    let rest: f32 = rest.map(|(a, b)| f(*a, *b)).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            lanes[lane] += f(a[lane], b[lane]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// `Σ f(x)`.
#[inline(always)]
pub(super) fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    sum_of(x, x, |x, _| f(x))
}

/// The largest value, −∞ of none; of what is no number nothing is said.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let chunks = x.chunks_exact(LANES);
    for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = *x;
    }
    for x in chunks {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], x[lane]);
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests {
    use super::{largest, sum, sum_of};

    #[test]
    fn are_those_of_plain_loops_at_every_length() {
        for length in 0..70usize {
            let x: Vec<f32> = (0..length)
                .map(|at| ((at * 37) % 23) as f32 - 11.0)
                .collect();
            assert_eq!(sum(&x, |x| x), x.iter().sum::<f32>());
            assert_eq!(
                sum_of(&x, &x, |a, b| a * b),
                x.iter().map(|x| x * x).sum::<f32>()
            );
            let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(largest(&x), most, "{length}");
        }
    }
}
