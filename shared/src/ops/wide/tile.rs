//! The innermost product: some rows by the 32 columns of a panel, summed in registers.

/// Rows that any processor sums at once, at most.
pub(in crate::ops) const MOST_ROWS: usize = 12;

/// Adds to sums of some rows, read from `start`, the products of their values with a panel,
/// and writes them to `out`; both by rows of 32, `start_stride` and `out_stride` values apart.
/// The values are given as pieces: the first one of each row, the second one of each row…
///
/// # Safety
/// The processor has the registers; the pieces have together as many values of each row as
/// `panel` has rows of 32 values, those side by side are of one length, and `start` and `out`
/// have room for all rows.
pub(in crate::ops) type Tile = unsafe fn(
    values: &[&[f32]],
    panel: &[f32],
    start: *const f32,
    start_stride: usize,
    out: *mut f32,
    out_stride: usize,
);

/// The tiles of one row, of two, … that this processor's registers have room for.
pub(in crate::ops) fn tiles() -> &'static [Tile] {
    wide().unwrap_or(&PLAIN)
}

/// The same, where they are of wide registers.
pub(super) fn wide() -> Option<&'static [Tile]> {
    #[cfg(target_arch = "x86_64")]
    return x86_64::all().next();
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// A register of values.
///
/// # Safety
/// The processor must have it; what is loaded or stored is `LANES` values.
trait Register: Copy {
    const LANES: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// `self + a · b`, rounded once.
    unsafe fn plus_product(self, a: Self, b: Self) -> Self;
}

/// A [`Tile`] of `ROWS` rows: as many pairs of registers at a time as 32 columns need.
///
/// # Safety
/// As [`Tile`].
// Iterators over the sums would keep them in memory: these loops are unrolled.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn tile<V: Register, const ROWS: usize>(
    values: &[&[f32]],
    panel: &[f32],
    start: *const f32,
    start_stride: usize,
    out: *mut f32,
    out_stride: usize,
) {
    for column in (0..super::COLUMNS).step_by(2 * V::LANES) {
        // SAFETY: as the caller says.
        unsafe {
            let mut sums = [[V::splat(0.0); 2]; ROWS];
            for row in 0..ROWS {
                let start = start.add(row * start_stride + column);
                sums[row] = [V::load(start), V::load(start.add(V::LANES))];
            }
            let mut of_panel = panel.as_ptr().add(column);
            for pieces in values.chunks_exact(ROWS) {
                let rows: [*const f32; ROWS] = std::array::from_fn(|row| pieces[row].as_ptr());
                for at in 0..pieces[0].len() {
                    let left = V::load(of_panel);
                    let right = V::load(of_panel.add(V::LANES));
                    of_panel = of_panel.add(super::COLUMNS);
                    for row in 0..ROWS {
                        let value = V::splat(*rows[row].add(at));
                        sums[row][0] = sums[row][0].plus_product(value, left);
                        sums[row][1] = sums[row][1].plus_product(value, right);
                    }
                }
            }
            for row in 0..ROWS {
                let out = out.add(row * out_stride + column);
                sums[row][0].store(out);
                sums[row][1].store(out.add(V::LANES));
            }
        }
    }
}

/// Of plain numbers: what those of registers are compared with.
const PLAIN: [Tile; 4] = [
    tile::<[f32; 4], 1>,
    tile::<[f32; 4], 2>,
    tile::<[f32; 4], 3>,
    tile::<[f32; 4], 4>,
];

impl Register for [f32; 4] {
    const LANES: usize = 4;

    unsafe fn splat(value: f32) -> Self {
        [value; 4]
    }

    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as the caller says.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the caller says.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    unsafe fn plus_product(self, a: Self, b: Self) -> Self {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], self[lane]))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::*;

    use super::{MOST_ROWS, Register, Tile, tile};

    /// Those of each kind of register that this processor has, the widest first.
    pub fn all() -> impl Iterator<Item = &'static [Tile]> {
        let avx512 = is_x86_feature_detected!("avx512f");
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let all: [Option<&[Tile]>; 2] = [avx512.then_some(&AVX512), avx2.then_some(&AVX2)];
        all.into_iter().flatten()
    }

    /// 24 of the 32 registers hold sums.
    pub static AVX512: [Tile; MOST_ROWS] = [
        avx512::<1>,
        avx512::<2>,
        avx512::<3>,
        avx512::<4>,
        avx512::<5>,
        avx512::<6>,
        avx512::<7>,
        avx512::<8>,
        avx512::<9>,
        avx512::<10>,
        avx512::<11>,
        avx512::<12>,
    ];

    /// 12 of the 16 registers hold sums.
    pub static AVX2: [Tile; 6] = [
        avx2::<1>, avx2::<2>, avx2::<3>, avx2::<4>, avx2::<5>, avx2::<6>,
    ];

    #[target_feature(enable = "avx512f")]
    unsafe fn avx512<const ROWS: usize>(
        values: &[&[f32]],
        panel: &[f32],
        start: *const f32,
        start_stride: usize,
        out: *mut f32,
        out_stride: usize,
    ) {
        // SAFETY: as the caller says.
        unsafe { tile::<__m512, ROWS>(values, panel, start, start_stride, out, out_stride) }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2<const ROWS: usize>(
        values: &[&[f32]],
        panel: &[f32],
        start: *const f32,
        start_stride: usize,
        out: *mut f32,
        out_stride: usize,
    ) {
        // SAFETY: as the caller says.
        unsafe { tile::<__m256, ROWS>(values, panel, start, start_stride, out, out_stride) }
    }

    /// A register of so many values, and the instructions for it.
    macro_rules! register {
        ($register:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $add:ident) => {
            impl Register for $register {
                const LANES: usize = $lanes;

                #[inline(always)]
                unsafe fn splat(value: f32) -> Self {
                    unsafe { $splat(value) }
                }

                #[inline(always)]
                unsafe fn load(from: *const f32) -> Self {
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                unsafe fn plus_product(self, a: Self, b: Self) -> Self {
                    unsafe { $add(a, b, self) }
                }
            }
        };
    }

    register!(
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps
    );
    register!(
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps
    );
}

#[cfg(test)]
mod tests {
    use super::{MOST_ROWS, PLAIN, Tile};
    use crate::ops::wide::COLUMNS;

    /// Rows of two pieces, of three values and of five, and what they are multiplied with.
    struct Case {
        values: Vec<f32>,
        panel: Vec<f32>,
        start: Vec<f32>,
    }

    impl Case {
        /// The sums `[rows, 32 + 1]`; nothing is written to the last column.
        fn with(&self, rows: usize, tile: Tile) -> Vec<f32> {
            let piece = |from: usize, length: usize| {
                let values = &self.values;
                (0..rows).map(move |row| &values[row * 8 + from..][..length])
            };
            let pieces: Vec<_> = piece(0, 3).chain(piece(3, 5)).collect();
            let mut out = vec![0f32; rows * (COLUMNS + 1)];
            let (start, to) = (self.start.as_ptr(), out.as_mut_ptr());
            // SAFETY: two pieces of each row have eight values, as many as the panel has rows;
            // start and out have all rows; whoever has the tile has the registers.
            unsafe { tile(&pieces, &self.panel, start, COLUMNS, to, COLUMNS + 1) };
            out
        }

        fn expected(&self, row: usize, column: usize) -> f32 {
            if column == COLUMNS {
                return 0.0;
            }
            let factors =
                (0..8).map(|at| (self.values[row * 8 + at], self.panel[at * COLUMNS + column]));
            let start = self.start[row * COLUMNS + column];
            factors.fold(start, |sum, (a, b)| a.mul_add(b, sum))
        }
    }

    #[test]
    fn every_tile_gives_the_sums_of_plain_loops() {
        let values = |count: usize| (0..count).map(|at| (at as f32 * 0.7).sin()).collect();
        let case = Case {
            values: values(MOST_ROWS * 8),
            panel: values(8 * COLUMNS),
            start: values(MOST_ROWS * COLUMNS),
        };
        let mut all: Vec<&[Tile]> = vec![&PLAIN];
        #[cfg(target_arch = "x86_64")]
        all.extend(super::x86_64::all());
        for tiles in all {
            for (rows, tile) in (1..).zip(tiles) {
                for (place, got) in case.with(rows, *tile).into_iter().enumerate() {
                    let (row, column) = (place / (COLUMNS + 1), place % (COLUMNS + 1));
                    assert_eq!(got, case.expected(row, column), "{rows}: {row} {column}");
                }
            }
        }
    }
}
