//! Values that are computed with in the same words, one at a time or four at once.
//!
//! Natively a compiler makes SIMD code of plain loops. For the page it is asked for small
//! code, and makes none: there the loops that cost time name their four lanes themselves.

/// One value, or several side by side.
pub(super) trait Number: Copy {
    fn splat(value: f32) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn over(self, other: Self) -> Self;
    /// The larger one; `self` where either is no number.
    fn larger(self, other: Self) -> Self;
    /// The smaller one; `self` where either is no number.
    fn smaller(self, other: Self) -> Self;
    /// 2 to the power that is `self`'s bits without those of `offset`.
    fn power_of_two(self, offset: f32) -> Self;
}

/// Four values.
pub(super) trait Four: Number {
    fn load(from: &[f32; 4]) -> Self;
    fn store(self, to: &mut [f32; 4]);
    /// The nearest whole numbers, of values from 0 to 127.
    fn bytes(self) -> [u8; 4];
    /// The same in sixteen bits each, the first two and the last two.
    fn pairs(self) -> [[i16; 2]; 2];
}

/// `((a·x + b)·x + c)…` for the coefficients `a, b, c…`, written out: a compiler that is asked
/// for small code would go through them in a loop, which takes twice as long.
macro_rules! polynomial {
    ($x:expr; $first:expr $(, $next:expr)* $(,)?) => {{
        let (x, sum) = ($x, Number::splat($first));
        $(let sum = Number::plus(Number::times(sum, x), Number::splat($next));)*
        sum
    }};
}
pub(super) use polynomial;

/// Four values as this machine computes with them.
#[cfg(target_arch = "wasm32")]
pub(super) type Lanes = simd::Simd;
#[cfg(not(target_arch = "wasm32"))]
pub(super) type Lanes = [f32; 4];

/// What is done with each value of a slice.
pub(super) trait Each {
    fn of<N: Number>(&self, x: N) -> N;
}

/// `x = f(x)`, value by value.
#[inline(always)]
pub(super) fn each_in_place(x: &mut [f32], f: &impl Each) {
    if cfg!(target_arch = "wasm32") {
        return four_by_four::<Lanes>(x, f);
    }
    x.iter_mut().for_each(|x| *x = f.of(*x));
}

#[inline(always)]
fn four_by_four<V: Four>(x: &mut [f32], f: &impl Each) {
    let (fours, rest) = x.as_chunks_mut::<4>();
    fours.iter_mut().for_each(|x| f.of(V::load(x)).store(x));
    rest.iter_mut().for_each(|x| *x = f.of(*x));
}

impl Number for f32 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self - other
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self * other
    }

    #[inline(always)]
    fn over(self, other: Self) -> Self {
        self / other
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self < other { other } else { self }
    }

    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    #[inline(always)]
    fn power_of_two(self, offset: f32) -> Self {
        let power = (self.to_bits() as i32).wrapping_sub(offset.to_bits() as i32);
        f32::from_bits((power.wrapping_add(127) << 23) as u32)
    }
}

/// What SIMD code is compared with.
impl Number for [f32; 4] {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; 4]
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at] + other[at])
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at] - other[at])
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at] * other[at])
    }

    #[inline(always)]
    fn over(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at] / other[at])
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at].larger(other[at]))
    }

    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        std::array::from_fn(|at| self[at].smaller(other[at]))
    }

    #[inline(always)]
    fn power_of_two(self, offset: f32) -> Self {
        self.map(|x| x.power_of_two(offset))
    }
}

impl Four for [f32; 4] {
    #[inline(always)]
    fn load(from: &[f32; 4]) -> Self {
        *from
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 4]) {
        *to = self;
    }

    #[inline(always)]
    fn bytes(self) -> [u8; 4] {
        self.map(|x| x.round_ties_even() as u8)
    }

    #[inline(always)]
    fn pairs(self) -> [[i16; 2]; 2] {
        let [a, b, c, d] = self.bytes().map(i16::from);
        [[a, b], [c, d]]
    }
}

#[cfg(target_arch = "wasm32")]
mod simd {
    use std::arch::wasm32::{
        f32x4_add, f32x4_div, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub,
        i16x8_narrow_i32x4, i32x4_add, i32x4_extract_lane, i32x4_shl, i32x4_splat, i32x4_sub,
        u8x16_narrow_i16x8, v128,
    };

    use super::{Four, Number};
    use crate::ops::register;

    #[derive(Clone, Copy)]
    pub struct Simd(v128);

    impl Number for Simd {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }

        #[inline(always)]
        fn times(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }

        #[inline(always)]
        fn over(self, other: Self) -> Self {
            Self(f32x4_div(self.0, other.0))
        }

        #[inline(always)]
        fn larger(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }

        #[inline(always)]
        fn smaller(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }

        #[inline(always)]
        fn power_of_two(self, offset: f32) -> Self {
            let power = i32x4_sub(self.0, i32x4_splat(offset.to_bits() as i32));
            Self(i32x4_shl(i32x4_add(power, i32x4_splat(127)), 23))
        }
    }

    /// The nearest whole numbers in sixteen bits each, twice: of a sum with 2²³, they are the
    /// last bits.
    #[inline(always)]
    fn nearest(x: v128) -> v128 {
        let behind = f32x4_splat(8_388_608.0);
        let whole = i32x4_sub(f32x4_add(x, behind), behind);
        i16x8_narrow_i32x4(whole, whole)
    }

    impl Four for Simd {
        #[inline(always)]
        fn load(from: &[f32; 4]) -> Self {
            Self(register::load(from))
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; 4]) {
            register::store(self.0, to);
        }

        #[inline(always)]
        fn bytes(self) -> [u8; 4] {
            let narrow = nearest(self.0);
            i32x4_extract_lane::<0>(u8x16_narrow_i16x8(narrow, narrow)).to_le_bytes()
        }

        #[inline(always)]
        fn pairs(self) -> [[i16; 2]; 2] {
            let shorts = nearest(self.0);
            let pair = |two: i32| [two as i16, (two >> 16) as i16];
            [
                pair(i32x4_extract_lane::<0>(shorts)),
                pair(i32x4_extract_lane::<1>(shorts)),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Each, Number, each_in_place, four_by_four};
    use crate::ops::exp::exp;

    struct Everything;

    impl Each for Everything {
        fn of<N: Number>(&self, x: N) -> N {
            let three = N::splat(3.0);
            let within = x.larger(N::splat(-2.5)).smaller(three);
            exp(within).minus(x).over(three.plus(x.times(x)))
        }
    }

    #[test]
    fn four_at_once_are_as_one_by_one_to_the_bit() {
        for length in 0..23usize {
            let x: Vec<f32> = (0..length).map(|at| at as f32 * 0.71 - 6.0).collect();
            let mut expected = x.clone();
            each_in_place(&mut expected, &Everything);
            let mut got = x;
            four_by_four::<[f32; 4]>(&mut got, &Everything);
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        assert!(Everything.of(f32::NAN).is_nan());
        assert!(Everything.of([f32::NAN; 4])[3].is_nan());
    }
}
