//! The innermost product of whole numbers: four rows by eight columns, summed in registers.
//! Written out as the tile of floats is.

use std::sync::OnceLock;

use crate::ops::tile::{Eight, ROWS};

use super::QUAD;

/// Four rows of a panel, column by column, in two halves.
pub type Quads = [[u8; 16]; 2];

/// Multiplies rows with a panel.
#[derive(Clone, Copy)]
pub enum Tile {
    /// Rows of bytes.
    Narrow(TileOf<[u8; QUAD]>),
    /// Rows of sixteen bits, which hold bytes.
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code))]
    Wide(TileOf<[i16; QUAD]>),
}

/// Each row of sums becomes the products of the row with the panel.
pub type TileOf<Q> = fn(&[[Q; ROWS]], &[Quads], &mut [Eight; ROWS]);

/// The tile for what this browser knows; without, the one for all.
static TILE: OnceLock<Tile> = OnceLock::new();

#[cfg(target_arch = "wasm32")]
const TILE_FOR_ALL: Tile = Tile::Wide(simd::wide_tile);
#[cfg(not(target_arch = "wasm32"))]
const TILE_FOR_ALL: Tile = Tile::Narrow(tile_of::<[i32; 4]>);

pub fn tile() -> Tile {
    TILE.get().copied().unwrap_or(TILE_FOR_ALL)
}

/// From now on products use relaxed SIMD instructions, which a module may only hold where
/// the browser knows them.
#[cfg(target_arch = "wasm32")]
pub fn use_relaxed_simd() {
    let _ = TILE.set(Tile::Narrow(simd::relaxed_tile));
}

/// Four sums.
trait Dot: Copy {
    fn zero() -> Self;
    /// Adds to each lane the four products of its bytes with `x`.
    fn add(self, weights: &[u8; 16], x: [u8; QUAD]) -> Self;
    fn store(self, to: &mut [f32; 4]);
}

#[inline(always)]
fn tile_of<D: Dot>(rows: &[[[u8; QUAD]; ROWS]], panel: &[Quads], sums: &mut [Eight; ROWS]) {
    let zero = D::zero();
    let (mut a0, mut a1, mut b0, mut b1) = (zero, zero, zero, zero);
    let (mut c0, mut c1, mut d0, mut d1) = (zero, zero, zero, zero);
    for ([left, right], [a, b, c, d]) in panel.iter().zip(rows) {
        (a0, a1) = (a0.add(left, *a), a1.add(right, *a));
        (b0, b1) = (b0.add(left, *b), b1.add(right, *b));
        (c0, c1) = (c0.add(left, *c), c1.add(right, *c));
        (d0, d1) = (d0.add(left, *d), d1.add(right, *d));
    }
    let pairs = [(a0, a1), (b0, b1), (c0, c1), (d0, d1)];
    for ((left, right), sums) in pairs.into_iter().zip(sums) {
        left.store(&mut sums[0]);
        right.store(&mut sums[1]);
    }
}

/// What SIMD code is compared with.
impl Dot for [i32; 4] {
    #[inline(always)]
    fn zero() -> Self {
        [0; 4]
    }

    #[inline(always)]
    fn add(self, weights: &[u8; 16], x: [u8; QUAD]) -> Self {
        std::array::from_fn(|lane| {
            let weights = &weights[lane * QUAD..][..QUAD];
            let products = weights
                .iter()
                .zip(x)
                .map(|(w, x)| i32::from(*w as i8) * i32::from(x));
            self[lane] + products.sum::<i32>()
        })
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 4]) {
        *to = self.map(|sum| sum as f32);
    }
}

#[cfg(target_arch = "wasm32")]
mod simd {
    use std::arch::wasm32::{
        f32x4_convert_i32x4, i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8,
        i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_shuffle, i32x4_splat, v128, v128_load,
        v128_load64_splat, v128_store,
    };

    use super::{Dot, Eight, QUAD, Quads, ROWS, tile_of};

    #[derive(Clone, Copy)]
    struct Relaxed(v128);

    #[target_feature(enable = "relaxed-simd")]
    pub fn relaxed_tile(rows: &[[[u8; QUAD]; ROWS]], panel: &[Quads], sums: &mut [Eight; ROWS]) {
        tile_of::<Relaxed>(rows, panel, sums);
    }

    /// With what every browser knows: products of sixteen bits. Weights are widened on their
    /// way into a register.
    pub fn wide_tile(rows: &[[[i16; QUAD]; ROWS]], panel: &[Quads], sums: &mut [Eight; ROWS]) {
        half_of_wide_tile::<0>(rows, panel, sums);
        half_of_wide_tile::<1>(rows, panel, sums);
    }

    /// Four columns, each summed in two lanes.
    fn half_of_wide_tile<const HALF: usize>(
        rows: &[[[i16; QUAD]; ROWS]],
        panel: &[Quads],
        sums: &mut [Eight; ROWS],
    ) {
        let zero = i32x4_splat(0);
        let (mut a0, mut a1, mut b0, mut b1) = (zero, zero, zero, zero);
        let (mut c0, mut c1, mut d0, mut d1) = (zero, zero, zero, zero);
        let add = |sum, x, weights| i32x4_add(sum, i32x4_dot_i16x8(x, weights));
        for (quads, [a, b, c, d]) in panel.iter().zip(rows) {
            let (left, right) = (widened(&quads[HALF], 0), widened(&quads[HALF], 8));
            let x = twice(a);
            (a0, a1) = (add(a0, x, left), add(a1, x, right));
            let x = twice(b);
            (b0, b1) = (add(b0, x, left), add(b1, x, right));
            let x = twice(c);
            (c0, c1) = (add(c0, x, left), add(c1, x, right));
            let x = twice(d);
            (d0, d1) = (add(d0, x, left), add(d1, x, right));
        }
        let pairs = [(a0, a1), (b0, b1), (c0, c1), (d0, d1)];
        for ((left, right), sums) in pairs.into_iter().zip(sums) {
            let even = i32x4_shuffle::<0, 2, 4, 6>(left, right);
            let odd = i32x4_shuffle::<1, 3, 5, 7>(left, right);
            store(i32x4_add(even, odd), &mut sums[HALF]);
        }
    }

    /// Four values, twice.
    #[inline(always)]
    fn twice(x: &[i16; QUAD]) -> v128 {
        // SAFETY: eight bytes, at any address.
        unsafe { v128_load64_splat(x.as_ptr().cast()) }
    }

    /// Eight bytes of a panel in sixteen bits each: four of each of two columns.
    #[inline(always)]
    fn widened(bytes: &[u8; 16], first: usize) -> v128 {
        // SAFETY: eight bytes from the first or the ninth on, at any address.
        unsafe { i16x8_load_extend_i8x8(bytes.as_ptr().add(first.min(8)).cast()) }
    }

    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> v128 {
        // SAFETY: sixteen bytes, at any address.
        unsafe { v128_load(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(sums: v128, to: &mut [f32; 4]) {
        // SAFETY: sixteen bytes that nobody else reads, at any address.
        unsafe { v128_store(to.as_mut_ptr().cast(), f32x4_convert_i32x4(sums)) }
    }

    #[inline(always)]
    fn splat(x: [u8; QUAD]) -> v128 {
        i32x4_splat(i32::from_le_bytes(x))
    }

    impl Dot for Relaxed {
        #[inline(always)]
        fn zero() -> Self {
            Self(i32x4_splat(0))
        }

        #[inline(always)]
        fn add(self, weights: &[u8; 16], x: [u8; QUAD]) -> Self {
            // Nothing but `relaxed_tile` leads here: a browser that does not know the
            // instruction refuses the whole module.
            Self(i32x4_relaxed_dot_i8x16_i7x16_add(
                load(weights),
                splat(x),
                self.0,
            ))
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; 4]) {
            store(self.0, to);
        }
    }
}
