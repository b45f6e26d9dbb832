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

/// Each row of sums becomes the products of the row with a panel, which `is_another` one than
/// in the call before or the same.
pub type Tile<L> =
    fn(rows: &[[L; ROWS]], panel: &[Quads], is_another: bool, sums: &mut [Eight; ROWS]);

#[cfg(target_arch = "wasm32")]
static RELAXED: OnceLock<Tile<[u8; QUAD]>> = OnceLock::new();

/// From now on products use relaxed SIMD instructions, which a module may only hold where
/// the browser knows them.
#[cfg(target_arch = "wasm32")]
pub fn use_relaxed_simd() {
    let _ = RELAXED.set(relaxed_tile);
}

/// The tile of bytes: in a browser that of relaxed SIMD instructions, where products use them.
pub fn narrow_here() -> Option<Tile<[u8; QUAD]>> {
    #[cfg(target_arch = "wasm32")]
    return RELAXED.get().copied();
    #[cfg(not(target_arch = "wasm32"))]
    Some(narrow::<Here>)
}

/// Sums as this machine computes with them.
#[cfg(target_arch = "wasm32")]
pub type Here = std::arch::wasm32::v128;
#[cfg(not(target_arch = "wasm32"))]
pub type Here = [i32; 4];

#[cfg(target_arch = "wasm32")]
#[target_feature(enable = "relaxed-simd")]
fn relaxed_tile(
    rows: &[[[u8; QUAD]; ROWS]],
    panel: &[Quads],
    is_another: bool,
    sums: &mut [Eight; ROWS],
) {
    narrow::<Here>(rows, panel, is_another, sums);
}

/// Four sums of products of bytes, or of sixteen bits.
pub trait Whole: Sums<[u8; QUAD], [u8; 16]> + Sums<[i16; PAIR], [i16; 8]> {
    fn zero() -> Self;
    /// The pairs of the first two values of four columns, and those of the last two.
    fn widened(bytes: &[u8; 16]) -> [[i16; 8]; QUAD / PAIR];
    fn store(self, to: &mut [f32; 4]);
}

#[inline(always)]
pub fn narrow<S: Whole>(
    rows: &[[[u8; QUAD]; ROWS]],
    panel: &[Quads],
    _: bool,
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
pub fn wide<S: Whole>(
    rows: &[[[i16; PAIR]; ROWS]],
    panel: &[Quads],
    is_another: bool,
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
fn widening<S: Whole>(
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
impl Sums<[u8; QUAD], [u8; 16]> for [i32; 4] {
    fn add(self, left: [u8; QUAD], right: &[u8; 16]) -> Self {
        let product =
            |lane, at: usize| i32::from(left[at]) * i32::from(right[lane * QUAD + at] as i8);
        plus(self, QUAD, product)
    }
}

impl Sums<[i16; PAIR], [i16; 8]> for [i32; 4] {
    fn add(self, left: [i16; PAIR], right: &[i16; 8]) -> Self {
        let product = |lane, at: usize| i32::from(left[at]) * i32::from(right[lane * PAIR + at]);
        plus(self, PAIR, product)
    }
}

/// Each lane with so many of its products.
fn plus(sums: [i32; 4], count: usize, product: impl Fn(usize, usize) -> i32) -> [i32; 4] {
    std::array::from_fn(|lane| {
        let products = (0..count).map(|at| product(lane, at));
        sums[lane] + products.sum::<i32>()
    })
}

impl Whole for [i32; 4] {
    fn zero() -> Self {
        [0; 4]
    }

    fn widened(bytes: &[u8; 16]) -> [[i16; 8]; QUAD / PAIR] {
        let value = |column, at| i16::from(bytes[column * QUAD + at] as i8);
        std::array::from_fn(|pair| {
            std::array::from_fn(|at| value(at / PAIR, pair * PAIR + at % PAIR))
        })
    }

    fn store(self, to: &mut [f32; 4]) {
        *to = self.map(|sum| sum as f32);
    }
}

#[cfg(target_arch = "wasm32")]
mod simd {
    use std::arch::wasm32::{
        f32x4_convert_i32x4, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4_add,
        i32x4_dot_i16x8, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_shuffle, i32x4_splat, v128,
        v128_load32_splat,
    };

    use super::{PAIR, QUAD, Sums, Whole};
    use crate::ops::register::{load, store};

    impl Sums<[u8; QUAD], [u8; 16]> for v128 {
        #[inline(always)]
        fn add(self, left: [u8; QUAD], right: &[u8; 16]) -> Self {
            let left = i32x4_splat(i32::from_le_bytes(left));
            // Nothing but `relaxed_tile` leads here: a browser that does not know the
            // instruction refuses the whole module.
            i32x4_relaxed_dot_i8x16_i7x16_add(load(right), left, self)
        }
    }

    impl Sums<[i16; PAIR], [i16; 8]> for v128 {
        #[inline(always)]
        fn add(self, left: [i16; PAIR], right: &[i16; 8]) -> Self {
            // SAFETY: four bytes, at any address.
            let left = unsafe { v128_load32_splat(left.as_ptr().cast()) };
            i32x4_add(self, i32x4_dot_i16x8(left, load(right)))
        }
    }

    impl Whole for v128 {
        #[inline(always)]
        fn zero() -> Self {
            i32x4_splat(0)
        }

        #[inline(always)]
        fn widened(bytes: &[u8; 16]) -> [[i16; 8]; QUAD / PAIR] {
            let bytes = load(bytes);
            let low = i16x8_extend_low_i8x16(bytes);
            let high = i16x8_extend_high_i8x16(bytes);
            let first = i32x4_shuffle::<0, 2, 4, 6>(low, high);
            let last = i32x4_shuffle::<1, 3, 5, 7>(low, high);
            [first, last].map(|pairs| {
                let mut to = [0; 8];
                store(pairs, &mut to);
                to
            })
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; 4]) {
            store(f32x4_convert_i32x4(self), to);
        }
    }
}
