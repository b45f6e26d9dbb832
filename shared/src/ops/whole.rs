//! Products in whole numbers, as WebAssembly computes them with a weight of eight bits: four
//! rows by eight columns at once, four products of bytes a lane.
//!
//! A row of the left matrix is brought into 0 to 127 by an offset and a step of its own:
//! seven bits, since that is what the instruction for it is certain about. So
//! `y = scale · (offset · Σw + step · Σ q·w)`, where the sums are exact.

use std::sync::OnceLock;

use super::number::{Four, Lanes, Number};
use super::rectangles::{Target, Threads, each};
use super::tile::{COLUMNS, ROWS};
use super::work::count;

/// Products that one lane adds up at once.
pub(super) const QUAD: usize = 4;
/// The largest whole number of a row.
const LARGEST: f32 = 127.0;
/// Rows of the left matrix that go through all panels before the next ones do.
const HEIGHT: usize = 200;

/// Four rows of a panel, column by column, in two halves.
pub(super) type Quads = [[u8; 16]; 2];

/// Four values of a row in sixteen bits each.
type WideQuad = [u8; 2 * QUAD];

/// Sums of eight columns.
type Sums = [[i32; 4]; 2];

/// One column of a weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    /// What its whole numbers are multiplied by.
    pub scale: f32,
    /// The sum of its whole numbers.
    pub sum: f32,
}

/// Bytes of a matrix `[k, n]` in panels: rows and columns that fill up the last ones count.
pub(super) fn length([k, n]: [usize; 2]) -> usize {
    n.div_ceil(COLUMNS) * COLUMNS * k.div_ceil(QUAD) * QUAD
}

/// Lays a matrix `[k, n]` out in panels `[⌈n / 8⌉, ⌈k / 4⌉, 8, 4]` of the nearest whole
/// numbers from −127 to 127, with a scale for each column.
pub(super) fn pack(
    [k, n]: [usize; 2],
    value: impl Fn(usize, usize) -> f32,
) -> (Vec<u8>, Vec<Column>) {
    let mut bytes = vec![0u8; length([k, n])];
    let columns = (0..n).map(|column| {
        let largest = (0..k).fold(0f32, |largest, row| {
            largest.larger(value(row, column).abs())
        });
        let scale = largest / LARGEST;
        let mut sum = 0.0;
        for row in 0..k {
            // A column of zeros has no scale to divide by.
            let whole = if scale > 0.0 {
                (value(row, column) / scale).round()
            } else {
                0.0
            };
            let whole = whole.clamp(-LARGEST, LARGEST);
            bytes[place(k, row, column)] = whole as i8 as u8;
            sum += whole;
        }
        Column { scale, sum }
    });
    let columns = columns.collect();
    (bytes, columns)
}

/// Where a value of a matrix of `k` rows lies in its panels.
#[inline(always)]
fn place(k: usize, row: usize, column: usize) -> usize {
    let quads = k.div_ceil(QUAD);
    let quad = column / COLUMNS * quads + row / QUAD;
    (quad * COLUMNS + column % COLUMNS) * QUAD + row % QUAD
}

/// The value at a place of a matrix of `k` rows in panels.
#[inline(always)]
pub(super) fn at(panels: &[u8], columns: &[Column], k: usize, row: usize, column: usize) -> f32 {
    f32::from(panels[place(k, row, column)] as i8) * columns[column].scale
}

/// A row in whole numbers: each value is `offset + step ·` its number.
#[derive(Default, Clone, Copy)]
struct Row {
    offset: f32,
    step: f32,
}

/// Brings each row of `x [m, k]` into whole numbers, `[m, ⌈k / 4⌉, 4]`.
fn quantise([m, k]: [usize; 2], x: &[f32], whole: &mut Vec<[u8; QUAD]>, rows: &mut Vec<Row>) {
    whole.clear();
    rows.clear();
    for x in x.chunks_exact(k).take(m) {
        let (fours, rest) = x.as_chunks::<QUAD>();
        let mut least = [x[0]; QUAD];
        let mut most = least;
        let (mut low, mut high) = (Lanes::load(&least), Lanes::load(&most));
        for x in fours {
            let x = Lanes::load(x);
            (low, high) = (low.smaller(x), high.larger(x));
        }
        low.store(&mut least);
        high.store(&mut most);
        let offset = least.iter().chain(rest).fold(x[0], |a, b| a.smaller(*b));
        let most = most.iter().chain(rest).fold(x[0], |a, b| a.larger(*b));
        let step = (most - offset) / LARGEST;
        let inverse = if step > 0.0 { 1.0 / step } else { 0.0 };
        let (factor, start) = (Lanes::splat(inverse), Lanes::splat(offset));
        whole.extend(
            fours
                .iter()
                .map(|x| Lanes::load(x).minus(start).times(factor).bytes()),
        );
        if !rest.is_empty() {
            let mut last = [offset; QUAD];
            last[..rest.len()].copy_from_slice(rest);
            // What fills up meets weights of zero.
            whole.push(Lanes::load(&last).minus(start).times(factor).bytes());
        }
        rows.push(Row { offset, step });
    }
}

/// Memory that one product uses after another.
#[derive(Default)]
pub(super) struct Scratch {
    whole: Vec<[u8; QUAD]>,
    wide: Vec<WideQuad>,
    rows: Vec<Row>,
}

/// Adds the product of `x [m, k]` with a matrix `[k, n]` in panels to `out [m, n]`.
pub(super) fn add_product(
    [m, k, n]: [usize; 3],
    x: &[f32],
    (panels, columns): (&[u8], &[Column]),
    out: &mut [f32],
    Scratch { whole, wide, rows }: &mut Scratch,
) {
    if m * k * n == 0 {
        return;
    }
    count([m, k, n]);
    quantise([m, k], x, whole, rows);
    let quads = k.div_ceil(QUAD);
    let (whole, length, tile) = match TILE.get().copied().unwrap_or(TILE_FOR_ALL) {
        Tile::Narrow(tile) => (whole.as_flattened(), quads * QUAD, tile),
        Tile::Wide(tile) => {
            wide.clear();
            wide.extend(whole.iter().map(|&[a, b, c, d]| [a, 0, b, 0, c, 0, d, 0]));
            (wide.as_flattened(), quads * 2 * QUAD, tile)
        }
    };
    let panels = panels.as_chunks::<16>().0.as_chunks::<2>().0;
    let rows = &*rows;
    assert!(m * n <= out.len() && n <= columns.len(), "result too short");
    let target = Target {
        first: out.as_mut_ptr(),
        stride: n,
    };
    let threads = Threads::All.for_product([m, k, n]);
    each([m, n.div_ceil(COLUMNS)], HEIGHT, threads, |height, some| {
        for at in some {
            let first = at * COLUMNS;
            let columns = &columns[first..n.min(first + COLUMNS)];
            let panel = &panels[at * quads..][..quads];
            for row in height.clone().step_by(ROWS) {
                let count = ROWS.min(height.end - row);
                // Where rows are missing, the last one stands in for them.
                let values: [usize; ROWS] = std::array::from_fn(|at| row + at.min(count - 1));
                let values = values.map(|at| &whole[at * length..][..length]);
                let mut sums = [Sums::default(); ROWS];
                tile(values, panel, &mut sums);
                for (at, sums) in sums.iter().enumerate().take(count) {
                    let Row { offset, step } = rows[row + at];
                    // SAFETY: the assertion above says that the place is there; no other
                    // task has this row of this panel.
                    let out = unsafe { target.piece(row + at, first, columns.len()) };
                    let sums = sums.as_flattened().iter();
                    for ((out, sum), column) in out.iter_mut().zip(sums).zip(columns) {
                        *out += column.scale * (offset * column.sum + step * *sum as f32);
                    }
                }
            }
        }
    });
}

/// Multiplies rows with a panel.
#[derive(Clone, Copy)]
enum Tile {
    /// Rows of bytes.
    Narrow(TileOf),
    /// Rows of [`WideQuad`]s.
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code))]
    Wide(TileOf),
}

type TileOf = fn([&[u8]; ROWS], &[Quads], &mut [Sums; ROWS]);

/// The tile for what this browser knows; without, the one for all.
static TILE: OnceLock<Tile> = OnceLock::new();

#[cfg(target_arch = "wasm32")]
const TILE_FOR_ALL: Tile = Tile::Wide(simd::wide_tile);
#[cfg(not(target_arch = "wasm32"))]
const TILE_FOR_ALL: Tile = Tile::Narrow(tile_of::<[i32; 4]>);

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
    fn store(self, to: &mut [i32; 4]);
}

/// Each row of `sums` becomes the products of the row in `rows` with the panel. Written out
/// as the tile of floats is.
#[inline(always)]
fn tile_of<D: Dot>(rows: [&[u8]; ROWS], panel: &[Quads], sums: &mut [Sums; ROWS]) {
    let zero = D::zero();
    let (mut a0, mut a1, mut b0, mut b1) = (zero, zero, zero, zero);
    let (mut c0, mut c1, mut d0, mut d1) = (zero, zero, zero, zero);
    let [a, b, c, d] = rows.map(|row| row.as_chunks().0);
    for (((([left, right], a), b), c), d) in panel.iter().zip(a).zip(b).zip(c).zip(d) {
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
    fn store(self, to: &mut [i32; 4]) {
        *to = self;
    }
}

#[cfg(target_arch = "wasm32")]
mod simd {
    use std::arch::wasm32::{
        i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_relaxed_dot_i8x16_i7x16_add,
        i32x4_shuffle, i32x4_splat, v128, v128_load, v128_load64_splat, v128_store,
    };

    use super::{Dot, QUAD, Quads, ROWS, Sums, WideQuad, tile_of};

    #[derive(Clone, Copy)]
    struct Relaxed(v128);

    #[target_feature(enable = "relaxed-simd")]
    pub fn relaxed_tile(rows: [&[u8]; ROWS], panel: &[Quads], sums: &mut [Sums; ROWS]) {
        tile_of::<Relaxed>(rows, panel, sums);
    }

    /// With what every browser knows: products of sixteen bits. Rows are widened already,
    /// since each meets many panels; weights are widened on their way into a register.
    pub fn wide_tile(rows: [&[u8]; ROWS], panel: &[Quads], sums: &mut [Sums; ROWS]) {
        let rows = rows.map(|row| row.as_chunks().0);
        half_of_wide_tile::<0>(rows, panel, sums);
        half_of_wide_tile::<1>(rows, panel, sums);
    }

    /// Four columns, each summed in two lanes.
    fn half_of_wide_tile<const HALF: usize>(
        [a, b, c, d]: [&[WideQuad]; ROWS],
        panel: &[Quads],
        sums: &mut [Sums; ROWS],
    ) {
        let zero = i32x4_splat(0);
        let (mut a0, mut a1, mut b0, mut b1) = (zero, zero, zero, zero);
        let (mut c0, mut c1, mut d0, mut d1) = (zero, zero, zero, zero);
        let add = |sum, x, weights| i32x4_add(sum, i32x4_dot_i16x8(x, weights));
        for ((((quads, a), b), c), d) in panel.iter().zip(a).zip(b).zip(c).zip(d) {
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

    /// Four values of sixteen bits, twice.
    #[inline(always)]
    fn twice(x: &WideQuad) -> v128 {
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
    fn store(sums: v128, to: &mut [i32; 4]) {
        // SAFETY: sixteen bytes that nobody else reads, at any address.
        unsafe { v128_store(to.as_mut_ptr().cast(), sums) }
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
        fn store(self, to: &mut [i32; 4]) {
            store(self.0, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Scratch, add_product, at, length, pack};

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * 0.77).sin()).collect()
    }

    #[test]
    fn products_are_near_those_of_floats() {
        let mut scratch = Scratch::default();
        for [m, k, n] in [[1, 1, 1], [5, 6, 11], [4, 64, 8], [203, 9, 3], [2, 800, 20]] {
            let (x, w) = (values(m * k), values(k * n));
            let (panels, columns) = pack([k, n], |row, column| w[row * n + column]);
            assert_eq!((panels.len(), columns.len()), (length([k, n]), n));
            for (row, column) in [(0, 0), (k - 1, n - 1), (k / 2, n / 2)] {
                let near = at(&panels, &columns, k, row, column);
                assert!((near - w[row * n + column]).abs() <= columns[column].scale / 1.99);
            }
            let before = values(m * n);
            let mut out = before.clone();
            add_product([m, k, n], &x, (&panels, &columns), &mut out, &mut scratch);
            for row in 0..m {
                for column in 0..n {
                    let products = (0..k).map(|i| x[row * k + i] * w[i * n + column]);
                    let expected = before[row * n + column] + products.sum::<f32>();
                    let error = (out[row * n + column] - expected).abs();
                    // Half a step of each side: 1/127 of values up to one.
                    assert!(error < 0.012 * k as f32, "{m} {k} {n}: {error}");
                }
            }
        }
    }

    #[test]
    fn what_is_whole_is_exact() {
        // Rows from 0 to 127, a weight whose largest value is 127 steps.
        let [m, k, n] = [3, 10, 9];
        let x: Vec<f32> = (0..m * k)
            .map(|at| [0.0, 127.0, (at * 13 % 127) as f32][at % 3])
            .collect();
        let w: Vec<f32> = (0..k * n)
            .map(|at| ((at * 29) % 255) as f32 - 127.0)
            .collect();
        let value = |row: usize, column: usize| if row == 0 { 127.0 } else { w[row * n + column] };
        let (panels, columns) = pack([k, n], value);
        let mut out = vec![0.0; m * n];
        add_product(
            [m, k, n],
            &x,
            (&panels, &columns),
            &mut out,
            &mut Scratch::default(),
        );
        for row in 0..m {
            for column in 0..n {
                let expected: f32 = (0..k).map(|i| x[row * k + i] * value(i, column)).sum();
                assert_eq!(out[row * n + column], expected);
            }
        }
    }
}
