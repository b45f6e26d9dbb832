//! An exponential that becomes SIMD code on every target.

use super::number::{Number, polynomial};

/// `e^x`, within 2 units in the last place for `x` in `[-87, 88]` and clamped
/// outside (Cephes `expf`: reduction by ln 2 and a polynomial of degree six).
///
/// There is no branch and no call, and no check for overflow either, so a loop over it
/// vectorises: softmax and QuickGELU spend most of their time here.
#[inline(always)]
pub(super) fn exp<N: Number>(x: N) -> N {
    /// Adding this rounds to the nearest integer, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³
    let number = N::splat;
    let x = x.larger(number(-87.0)).smaller(number(88.0));
    let shifted = x
        .times(number(std::f32::consts::LOG2_E))
        .plus(number(ROUND));
    let k = shifted.minus(number(ROUND));
    let r = x.minus(k.times(number(0.693_359_4)));
    let r = r.plus(k.times(number(2.121_944_4e-4)));
    let p: N = polynomial!(
        r;
        1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5
    );
    let e = p.times(r.times(r)).plus(r).plus(number(1.0));
    e.times(shifted.power_of_two(ROUND))
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn is_within_two_units_in_the_last_place() {
        for step in 0..175_000 {
            let x = -87.0 + step as f32 * 1e-3;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.4e-7, "exp({x}): relative error {error}");
        }
    }
}
