//! The innermost product of whole numbers.

use std::cell::RefCell;
#[cfg(target_arch = "wasm32")]
use std::sync::OnceLock;

use crate::ops::tile::{Eight, ROWS, Sums, step, tile_of};

use super::{PAIR, QUAD};

/// Four values of each of eight columns, in two halves, column by column.
pub type Quads = [[u8; 16]; 2];
/// Two values of each of eight columns, in two halves, column by column.
type Pairs = [[i16; 8]; 2];
/// As many as the first.
type TwoPairs = [Pairs; QUAD / PAIR];

/// Multiplies rows with a panel.
#[derive(Clone, Copy)]
pub enum Tile {
    /// By four values in bytes at a time.
    Narrow(TileOf<[u8; QUAD]>),
    /// By two in sixteen bits.
    #[cfg_attr(not(any(target_arch = "wasm32", test)), expect(dead_code))]
    Wide(TileOf<[i16; PAIR]>),
}

/// Each row of sums becomes the products of the row with a panel, which is another one than
/// in the call before or the same.
pub type TileOf<L> = fn(&[[L; ROWS]], &[Quads], IsAnother, &mut [Eight; ROWS]);
type IsAnother = bool;

/// The tile for what this browser knows; without, the one for all.
#[cfg(target_arch = "wasm32")]
static TILE: OnceLock<Tile> = OnceLock::new();

pub fn tile() -> Tile {
    #[cfg(target_arch = "wasm32")]
    return TILE.get().copied().unwrap_or(Tile::Wide(simd::wide_tile));
    #[cfg(not(target_arch = "wasm32"))]
    Tile::Narrow(plain::narrow_tile)
}

/// From now on products use relaxed SIMD instructions, which a module may only hold where
/// the browser knows them.
#[cfg(target_arch = "wasm32")]
pub fn use_relaxed_simd() {
    let _ = TILE.set(Tile::Narrow(simd::relaxed_tile));
}

/// Four sums of whole numbers.
trait Whole: Sums {
    fn zero() -> Self;
    fn store(self, to: &mut [f32; 4]);
}

/// Four sums of products of sixteen bits.
trait Wide: Whole<Left = [i16; PAIR], Right = [i16; 8]> {
    /// The pairs of the first two values of four columns, and those of the last two.
    fn widened(bytes: &[u8; 16]) -> [[i16; 8]; QUAD / PAIR];
}

#[inline(always)]
fn narrow<S: Whole<Left = [u8; QUAD], Right = [u8; 16]>>(
    rows: &[[[u8; QUAD]; ROWS]],
    panel: &[Quads],
    sums: &mut [Eight; ROWS],
) {
    store(tile_of(rows, panel, [[S::zero(); 2]; ROWS]), sums);
}

thread_local! {
    /// The last panel in sixteen bits.
    static WIDENED: RefCell<Vec<TwoPairs>> = const { RefCell::new(Vec::new()) };
}

/// The first rows that a panel meets bring it into sixteen bits, while it is on its way from
/// memory, which takes as long as they do.
#[inline(always)]
fn wide<S: Wide>(
    rows: &[[[i16; PAIR]; ROWS]],
    panel: &[Quads],
    is_another: IsAnother,
    sums: &mut [Eight; ROWS],
) {
    WIDENED.with_borrow_mut(|widened| {
        let zeros = [[S::zero(); 2]; ROWS];
        let ends = match is_another {
            true => {
                widened.resize(panel.len(), TwoPairs::default());
                widening::<S>(rows, panel, widened, zeros)
            }
            false => tile_of(rows, widened.as_flattened(), zeros),
        };
        store(ends, sums);
    });
}

#[inline(always)]
fn widening<S: Wide>(
    rows: &[[[i16; PAIR]; ROWS]],
    panel: &[Quads],
    widened: &mut [TwoPairs],
    mut sums: [[S; 2]; ROWS],
) -> [[S; 2]; ROWS] {
    let (rows, _) = rows.as_chunks::<{ QUAD / PAIR }>();
    for ((rows, [left, right]), to) in rows.iter().zip(panel).zip(widened) {
        let ([left, left_after], [right, right_after]) = (S::widened(left), S::widened(right));
        *to = [[left, right], [left_after, right_after]];
        let [row, row_after] = rows;
        sums = step(row, &[left, right], sums);
        sums = step(row_after, &[left_after, right_after], sums);
    }
    sums
}

#[inline(always)]
fn store<S: Whole>(ends: [[S; 2]; ROWS], sums: &mut [Eight; ROWS]) {
    for (to, sums) in sums.as_flattened_mut().iter_mut().zip(ends.as_flattened()) {
        sums.store(to);
    }
}

/// What SIMD code is compared with.
#[cfg(not(target_arch = "wasm32"))]
pub mod plain {
    use super::{Eight, IsAnother, PAIR, QUAD, Quads, ROWS, Sums, Whole, narrow, wide};

    pub fn narrow_tile(
        rows: &[[[u8; QUAD]; ROWS]],
        panel: &[Quads],
        _: IsAnother,
        sums: &mut [Eight; ROWS],
    ) {
        narrow::<Narrow>(rows, panel, sums);
    }

    #[cfg_attr(not(test), expect(dead_code))]
    pub fn wide_tile(
        rows: &[[[i16; PAIR]; ROWS]],
        panel: &[Quads],
        is_another: IsAnother,
        sums: &mut [Eight; ROWS],
    ) {
        wide::<Wide>(rows, panel, is_another, sums);
    }

    #[derive(Clone, Copy)]
    struct Narrow([i32; 4]);

    impl Sums for Narrow {
        type Left = [u8; QUAD];
        type Right = [u8; 16];

        fn add(self, left: [u8; QUAD], right: &[u8; 16]) -> Self {
            let product =
                |lane, at: usize| i32::from(left[at]) * i32::from(right[lane * QUAD + at] as i8);
            Self(plus(self.0, QUAD, product))
        }
    }

    impl Whole for Narrow {
        fn zero() -> Self {
            Self([0; 4])
        }

        fn store(self, to: &mut [f32; 4]) {
            *to = self.0.map(|sum| sum as f32);
        }
    }

    #[derive(Clone, Copy)]
    struct Wide([i32; 4]);

    impl Sums for Wide {
        type Left = [i16; PAIR];
        type Right = [i16; 8];

        fn add(self, left: [i16; PAIR], right: &[i16; 8]) -> Self {
            let product =
                |lane, at: usize| i32::from(left[at]) * i32::from(right[lane * PAIR + at]);
            Self(plus(self.0, PAIR, product))
        }
    }

    impl Whole for Wide {
        fn zero() -> Self {
            Self([0; 4])
        }

        fn store(self, to: &mut [f32; 4]) {
            *to = self.0.map(|sum| sum as f32);
        }
    }

    impl super::Wide for Wide {
        fn widened(bytes: &[u8; 16]) -> [[i16; 8]; QUAD / PAIR] {
            let value = |column, at| i16::from(bytes[column * QUAD + at] as i8);
            std::array::from_fn(|pair| {
                std::array::from_fn(|at| value(at / PAIR, pair * PAIR + at % PAIR))
            })
        }
    }

    /// Each lane with so many of its products.
    fn plus(sums: [i32; 4], count: usize, product: impl Fn(usize, usize) -> i32) -> [i32; 4] {
        std::array::from_fn(|lane| {
            let products = (0..count).map(|at| product(lane, at));
            sums[lane] + products.sum::<i32>()
        })
    }
}

#[cfg(target_arch = "wasm32")]
mod simd {
    use std::arch::wasm32::{
        f32x4_convert_i32x4, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4_add,
        i32x4_dot_i16x8, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_shuffle, i32x4_splat, v128,
        v128_load, v128_load32_splat, v128_store,
    };

    use super::{Eight, IsAnother, PAIR, QUAD, Quads, ROWS, Sums, Whole, narrow, wide};

    #[target_feature(enable = "relaxed-simd")]
    pub fn relaxed_tile(
        rows: &[[[u8; QUAD]; ROWS]],
        panel: &[Quads],
        _: IsAnother,
        sums: &mut [Eight; ROWS],
    ) {
        narrow::<Relaxed>(rows, panel, sums);
    }

    /// With what every browser knows: products of sixteen bits.
    pub fn wide_tile(
        rows: &[[[i16; PAIR]; ROWS]],
        panel: &[Quads],
        is_another: IsAnother,
        sums: &mut [Eight; ROWS],
    ) {
        wide::<Wide>(rows, panel, is_another, sums);
    }

    #[inline(always)]
    fn load<T>(from: &T) -> v128 {
        const { assert!(size_of::<T>() == 16) };
        // SAFETY: sixteen bytes, at any address.
        unsafe { v128_load(std::ptr::from_ref(from).cast()) }
    }

    #[inline(always)]
    fn store(sums: v128, to: &mut [f32; 4]) {
        // SAFETY: sixteen bytes that nobody else reads, at any address.
        unsafe { v128_store(to.as_mut_ptr().cast(), f32x4_convert_i32x4(sums)) }
    }

    #[derive(Clone, Copy)]
    struct Relaxed(v128);

    impl Sums for Relaxed {
        type Left = [u8; QUAD];
        type Right = [u8; 16];

        #[inline(always)]
        fn add(self, left: [u8; QUAD], right: &[u8; 16]) -> Self {
            let left = i32x4_splat(i32::from_le_bytes(left));
            // Nothing but `relaxed_tile` leads here: a browser that does not know the
            // instruction refuses the whole module.
            Self(i32x4_relaxed_dot_i8x16_i7x16_add(load(right), left, self.0))
        }
    }

    impl Whole for Relaxed {
        #[inline(always)]
        fn zero() -> Self {
            Self(i32x4_splat(0))
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; 4]) {
            store(self.0, to);
        }
    }

    #[derive(Clone, Copy)]
    struct Wide(v128);

    impl Sums for Wide {
        type Left = [i16; PAIR];
        type Right = [i16; 8];

        #[inline(always)]
        fn add(self, left: [i16; PAIR], right: &[i16; 8]) -> Self {
            // SAFETY: four bytes, at any address.
            let left = unsafe { v128_load32_splat(left.as_ptr().cast()) };
            Self(i32x4_add(self.0, i32x4_dot_i16x8(left, load(right))))
        }
    }

    impl Whole for Wide {
        #[inline(always)]
        fn zero() -> Self {
            Self(i32x4_splat(0))
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; 4]) {
            store(self.0, to);
        }
    }

    impl super::Wide for Wide {
        #[inline(always)]
        fn widened(bytes: &[u8; 16]) -> [[i16; 8]; QUAD / PAIR] {
            let bytes = load(bytes);
            let low = i16x8_extend_low_i8x16(bytes);
            let high = i16x8_extend_high_i8x16(bytes);
            let first = i32x4_shuffle::<0, 2, 4, 6>(low, high);
            let last = i32x4_shuffle::<1, 3, 5, 7>(low, high);
            [first, last].map(|pairs| {
                let mut to = [0; 8];
                // SAFETY: sixteen bytes that nobody else has, at any address.
                unsafe { v128_store(to.as_mut_ptr().cast(), pairs) };
                to
            })
        }
    }
}
