//! Sums and maxima in sixteen lanes.
//!
//! Additions are not reordered by a compiler, so that a plain sum goes one by one. These
//! have an order of their own, the same on every processor, that SIMD code can follow.

use super::number::{Four, Lanes, Number};

const LANES: usize = 16;

/// What is summed up over pairs of values.
pub(super) trait Term {
    fn of<N: Number>(&self, a: N, b: N) -> N;
}

/// `a`
pub(super) struct First;
/// `a · b`
pub(super) struct Product;
/// `a · (b − m)`
pub(super) struct ProductFrom(pub f32);
/// `(a − m)²`
pub(super) struct SquareFrom(pub f32);

impl Term for First {
    #[inline(always)]
    fn of<N: Number>(&self, a: N, _: N) -> N {
        a
    }
}

impl Term for Product {
    #[inline(always)]
    fn of<N: Number>(&self, a: N, b: N) -> N {
        a.times(b)
    }
}

impl Term for ProductFrom {
    #[inline(always)]
    fn of<N: Number>(&self, a: N, b: N) -> N {
        a.times(b.minus(N::splat(self.0)))
    }
}

impl Term for SquareFrom {
    #[inline(always)]
    fn of<N: Number>(&self, a: N, _: N) -> N {
        let distance = a.minus(N::splat(self.0));
        distance.times(distance)
    }
}

/// The sum of a term over the pairs of two slices of one length.
#[inline(always)]
pub(super) fn sum_of(a: &[f32], b: &[f32], term: &impl Term) -> f32 {
    let (a, rest_of_a) = a.as_chunks::<LANES>();
    let (b, rest_of_b) = b.as_chunks::<LANES>();
    let rest = rest_of_a.iter().zip(rest_of_b);
    let rest: f32 = rest.map(|(a, b)| term.of(*a, *b)).sum();
    let lanes = match cfg!(target_arch = "wasm32") {
        true => four_by_four::<Lanes>(a, b, term),
        false => one_by_one(a, b, term),
    };
    lanes.iter().sum::<f32>() + rest
}

#[inline(always)]
fn one_by_one(a: &[[f32; LANES]], b: &[[f32; LANES]], term: &impl Term) -> [f32; LANES] {
    let mut lanes = [0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += term.of(a[lane], b[lane]);
        }
    }
    lanes
}

#[inline(always)]
fn four_by_four<V: Four>(a: &[[f32; LANES]], b: &[[f32; LANES]], term: &impl Term) -> [f32; LANES] {
    let zero = V::splat(0.0);
    let [mut s0, mut s1, mut s2, mut s3] = [zero; 4];
    let add = |sum: V, a, b| sum.plus(term.of(V::load(a), V::load(b)));
    for (a, b) in a.iter().zip(b) {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (fours(a), fours(b));
        (s0, s1) = (add(s0, a0, b0), add(s1, a1, b1));
        (s2, s3) = (add(s2, a2, b2), add(s3, a3, b3));
    }
    let mut lanes = [0f32; LANES];
    let (fours, _) = lanes.as_chunks_mut();
    for (to, sums) in fours.iter_mut().zip([s0, s1, s2, s3]) {
        sums.store(to);
    }
    lanes
}

#[inline(always)]
fn fours(values: &[f32; LANES]) -> [&[f32; 4]; 4] {
    let (fours, _) = values.as_chunks::<4>();
    [&fours[0], &fours[1], &fours[2], &fours[3]]
}

/// The sum of a term over a slice, which is both of its values.
#[inline(always)]
pub(super) fn sum(x: &[f32], term: &impl Term) -> f32 {
    sum_of(x, x, term)
}

/// The largest value, −∞ of none; of what is no number nothing is said.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    if cfg!(target_arch = "wasm32") {
        return largest_of_fours::<Lanes>(x);
    }
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = *x;
    }
    for x in chunks {
        for lane in 0..LANES {
            lanes[lane] = lanes[lane].larger(x[lane]);
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, Number::larger)
}

#[inline(always)]
fn largest_of_fours<V: Four>(x: &[f32]) -> f32 {
    let (fours, rest) = x.as_chunks::<4>();
    let start = V::splat(f32::NEG_INFINITY);
    let most = fours.iter().fold(start, |most, x| most.larger(V::load(x)));
    let mut lanes = [0f32; 4];
    most.store(&mut lanes);
    let all = lanes.into_iter().chain(rest.iter().copied());
    all.fold(f32::NEG_INFINITY, Number::larger)
}

#[cfg(test)]
mod tests {
    use super::{
        First, Product, ProductFrom, SquareFrom, Term, four_by_four, largest, largest_of_fours,
        one_by_one, sum, sum_of,
    };

    fn values(length: usize) -> Vec<f32> {
        let value = |at: usize| ((at * 37) % 23) as f32 - 11.0;
        (0..length).map(value).collect()
    }

    #[test]
    fn are_those_of_plain_loops_at_every_length() {
        for length in 0..70 {
            let x = values(length);
            let y: Vec<f32> = x.iter().rev().copied().collect();
            let plain =
                |f: fn(f32, f32) -> f32| -> f32 { x.iter().zip(&y).map(|(x, y)| f(*x, *y)).sum() };
            assert_eq!(sum(&x, &First), plain(|x, _| x));
            assert_eq!(sum_of(&x, &y, &Product), plain(|x, y| x * y));
            assert_eq!(
                sum_of(&x, &y, &ProductFrom(2.0)),
                plain(|x, y| x * (y - 2.0))
            );
            assert_eq!(
                sum(&x, &SquareFrom(2.0)),
                plain(|x, _| (x - 2.0) * (x - 2.0))
            );
            let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(largest(&x), most, "{length}");
            assert_eq!(largest_of_fours::<[f32; 4]>(&x), most, "{length}");
        }
    }

    #[test]
    fn four_at_once_are_as_one_by_one_to_the_bit() {
        fn compare(term: &impl Term) {
            let x: Vec<f32> = values(96).into_iter().map(|x| x * 0.37).collect();
            let (x, _) = x.as_chunks();
            let (a, b) = x.split_at(x.len() / 2);
            assert_eq!(four_by_four::<[f32; 4]>(a, b, term), one_by_one(a, b, term));
        }
        compare(&First);
        compare(&Product);
        compare(&ProductFrom(0.3));
        compare(&SquareFrom(0.3));
    }
}
