//! The innermost product of floats.

#[cfg(target_arch = "wasm32")]
use std::sync::OnceLock;

use crate::ops::number::{Four, Lanes};
use crate::ops::tile::{Eight, ROWS, Sums, tile_of};

/// Adds to each row of sums the products of the row with the panel.
pub type Tile = fn(&[[f32; ROWS]], &[Eight], &mut [Eight; ROWS]);

/// The tile for what this browser knows.
#[cfg(target_arch = "wasm32")]
static TILE: OnceLock<Tile> = OnceLock::new();

pub fn tile() -> Tile {
    #[cfg(target_arch = "wasm32")]
    if let Some(tile) = TILE.get() {
        return *tile;
    }
    rounded::<Lanes>
}

/// From now on products use relaxed SIMD instructions, which a module may only hold where
/// the browser knows them.
#[cfg(target_arch = "wasm32")]
pub fn use_relaxed_simd() {
    let _ = TILE.set(relaxed::tile);
}

fn rounded<V: Four>(rows: &[[f32; ROWS]], panel: &[Eight], sums: &mut [Eight; ROWS]) {
    let start = sums.map(|row| row.map(|half| Rounded(V::load(&half))));
    let ends = tile_of(rows, panel, start);
    for (to, sums) in sums.as_flattened_mut().iter_mut().zip(ends.as_flattened()) {
        sums.0.store(to);
    }
}

/// Sums of products that are rounded before they are added.
#[derive(Clone, Copy)]
struct Rounded<V>(V);

impl<V: Four> Sums<f32, [f32; 4]> for Rounded<V> {
    #[inline(always)]
    fn add(self, left: f32, right: &[f32; 4]) -> Self {
        Self(self.0.plus(V::splat(left).times(V::load(right))))
    }
}

#[cfg(target_arch = "wasm32")]
mod relaxed {
    use std::arch::wasm32::{f32x4_relaxed_madd, f32x4_splat, v128};

    use super::{Eight, ROWS, Sums, tile_of};
    use crate::ops::register::{load, store};

    /// Sums of products that are rounded once, where the processor has an instruction for it.
    #[derive(Clone, Copy)]
    struct Fused(v128);

    #[target_feature(enable = "relaxed-simd")]
    pub fn tile(rows: &[[f32; ROWS]], panel: &[Eight], sums: &mut [Eight; ROWS]) {
        let start = sums.map(|row| row.map(|half| Fused(load(&half))));
        let ends = tile_of(rows, panel, start);
        for (to, sums) in sums.as_flattened_mut().iter_mut().zip(ends.as_flattened()) {
            store(sums.0, to);
        }
    }

    impl Sums<f32, [f32; 4]> for Fused {
        #[inline(always)]
        fn add(self, left: f32, right: &[f32; 4]) -> Self {
            // Nothing but `tile` leads here: a browser that does not know the instruction
            // refuses the whole module.
            Self(f32x4_relaxed_madd(f32x4_splat(left), load(right), self.0))
        }
    }
}
