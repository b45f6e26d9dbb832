//! Convolutions by kernels of 3 × 3 in fewer multiplications: Winograd's F(2 × 2, 3 × 3)
//! (Lavin and Gray, <https://arxiv.org/abs/1509.09308>).
//!
//! Squares of 2 × 2 results come from squares of 4 × 4 pixels. Both the pixels and the kernel
//! are brought into a form of sixteen parts, in which a convolution is one product for each
//! part: sixteen multiplications where there were thirty-six, the same up to rounding.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;

use super::Window;
use crate::ops::finish::{Finish, Finisher};
use crate::ops::panels::{length, pack};
use crate::ops::rectangles::{Target, Threads, each, parts};
use crate::ops::wide::{COLUMNS, MOST_ROWS, Tile, tiles};
use crate::ops::work::count;
use crate::ops::{Then, Weight, contiguous};
use crate::parallel::*;

/// Parts of the form: squares of 4 × 4.
const PARTS: usize = 16;
/// Fewer channels than this are summed sooner than they are brought into the form.
const LEAST_CHANNELS: usize = 64;
/// Squares whose sums stay in the nearest caches.
const HEIGHT: usize = 24;
/// Channels that are brought into the form at once.
const LANES: usize = 16;

/// A 3 × 3 kernel in that form, `[16, ⌈out / 32⌉, C, 32]`.
#[derive(Debug, Clone)]
pub(super) struct Squares {
    panels: Tensor,
    channels: usize,
    outputs: usize,
}

impl Squares {
    /// The form of a weight `[out, 3·3·C]`, where products with it are quicker.
    pub fn of(weight: &Weight, window: Window) -> Result<Option<Self>> {
        let [outputs, inputs] = weight.dims();
        let channels = inputs / (window.side * window.side);
        let fits = window == Window::of_three(1) && channels >= LEAST_CHANNELS;
        if !fits || weight.as_wide_panels().is_none() {
            return Ok(None);
        }
        let values = weight
            .values()?
            .contiguous()?
            .flatten_all()?
            .to_vec1::<f32>()?;
        let size = length::<COLUMNS>([channels, outputs]);
        let mut panels = vec![0f32; PARTS * size];
        panels
            .par_chunks_mut(size)
            .enumerate()
            .for_each(|(part, panels)| {
                let value = |channel, output: usize| {
                    let kernel = &values[output * inputs + channel..];
                    of_kernel(part, |at| kernel[at * channels])
                };
                let mut packed = Vec::new();
                pack::<COLUMNS>([channels, outputs], value, &mut packed);
                panels.copy_from_slice(&packed);
            });
        let shape = (PARTS, outputs.div_ceil(COLUMNS), channels, COLUMNS);
        Ok(Some(Self {
            panels: Tensor::from_vec(panels, shape, &Device::Cpu)?,
            channels,
            outputs,
        }))
    }

    /// See [`super::Kernel::convolution`].
    pub fn convolution(&self, x: &Tensor, bias: &Tensor, then: Then<'_>) -> Result<Tensor> {
        let operation = Winograd {
            finish: Finish::new(then)?,
            channels: self.channels,
            outputs: self.outputs,
        };
        let bias = bias.contiguous()?;
        x.contiguous()?
            .apply_op3_no_bwd(&self.panels, &bias, &operation)
    }
}

/// One part of `G g Gᵀ`: the form of a kernel `g` of 3 × 3.
fn of_kernel(part: usize, kernel: impl Fn(usize) -> f32) -> f32 {
    const G: [[f64; 3]; 4] = [
        [1.0, 0.0, 0.0],
        [0.5, 0.5, 0.5],
        [0.5, -0.5, 0.5],
        [0.0, 0.0, 1.0],
    ];
    let (rows, columns) = (G[part / 4], G[part % 4]);
    let places = (0..9).map(|at| rows[at / 3] * columns[at % 3] * f64::from(kernel(at)));
    places.sum::<f64>() as f32
}

/// `(x [B, H, W, C], panels, bias [out])` → `[B, H, W, out]`.
struct Winograd {
    finish: Finish,
    channels: usize,
    outputs: usize,
}

impl CustomOp3 for Winograd {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        panels: &CpuStorage,
        panels_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = x_layout.shape().dims4()?;
        let outputs = bias_layout.shape().elem_count();
        let places = batch * height * width;
        if [channels, outputs] != [self.channels, self.outputs] || places == 0 {
            bail!(
                "convolution: a kernel [{}, 9·{}] and a bias of {outputs} on {height} × {width} × {channels}",
                self.outputs,
                self.channels
            );
        }
        let grid = Grid {
            height,
            width,
            squares: batch * height.div_ceil(2) * width.div_ceil(2),
        };
        let product = Product {
            grid,
            x: contiguous(self.name(), x, x_layout)?,
            channels,
            panels: contiguous(self.name(), panels, panels_layout)?,
            bias: contiguous(self.name(), bias, bias_layout)?,
        };
        count([PARTS * grid.squares, channels, outputs]);
        let y = self.finish.on([places, outputs], |finisher| {
            product.compute(places, finisher)
        })?;
        Ok((
            CpuStorage::F32(y),
            Shape::from((batch, height, width, outputs)),
        ))
    }
}

/// Images in squares of 2 × 2 pixels.
#[derive(Clone, Copy)]
struct Grid {
    height: usize,
    width: usize,
    /// Of all images.
    squares: usize,
}

impl Grid {
    /// The image, row and column of a square's first pixel.
    fn first(self, square: usize) -> [usize; 3] {
        let (rows, columns) = (self.height.div_ceil(2), self.width.div_ceil(2));
        let (line, column) = (square / columns, square % columns);
        [line / rows, 2 * (line % rows), 2 * column]
    }

    /// The places of a square's four pixels; of those outside of the image none.
    fn places(self, square: usize) -> [Option<usize>; 4] {
        let [image, row, column] = self.first(square);
        std::array::from_fn(|at| {
            let (row, column) = (row + at / 2, column + at % 2);
            let is_inside = row < self.height && column < self.width;
            is_inside.then(|| self.place([image, row, column]))
        })
    }

    fn place(self, [image, row, column]: [usize; 3]) -> usize {
        (image * self.height + row) * self.width + column
    }

    /// The 4 × 4 pixels around a square, of `channels` values each; `outside` of the image
    /// are others.
    fn around<'a>(
        self,
        square: usize,
        x: &'a [f32],
        channels: usize,
        outside: &'a [f32],
    ) -> [&'a [f32]; PARTS] {
        let [image, row, column] = self.first(square);
        std::array::from_fn(|at| {
            let inside = |at: usize, length| at.checked_sub(1).filter(|at| *at < length);
            let row = inside(row + at / 4, self.height);
            match row.zip(inside(column + at % 4, self.width)) {
                Some((row, column)) => {
                    &x[self.place([image, row, column]) * channels..][..channels]
                }
                None => outside,
            }
        })
    }
}

/// `Bᵀ d B` of each channel: the form of pixels.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2"))]
fn bring(around: &[&[f32]; PARTS], mut parts: [&mut [f32]; PARTS]) {
    for first in (0..around[0].len()).step_by(LANES) {
        let mut d = [[0f32; LANES]; PARTS];
        for (d, pixel) in d.iter_mut().zip(around) {
            let pixel = &pixel[first..];
            match pixel.first_chunk() {
                Some(pixel) => *d = *pixel,
                None => d[..pixel.len()].copy_from_slice(pixel),
            }
        }
        let d = transform::<1>(&transform::<4>(&d));
        for (values, part) in d.iter().zip(&mut parts) {
            let part = &mut part[first..];
            match part.first_chunk_mut() {
                Some(part) => *part = *values,
                None => part.copy_from_slice(&values[..part.len()]),
            }
        }
    }
}

/// `Bᵀ` along lines whose values are `STEP` apart.
#[inline(always)]
fn transform<const STEP: usize>(d: &[[f32; LANES]; PARTS]) -> [[f32; LANES]; PARTS] {
    let mut out = [[0f32; LANES]; PARTS];
    for line in 0..4 {
        let at = |number: usize| line * (5 - STEP) + number * STEP;
        let [a, b, c, e] = [0, 1, 2, 3].map(|number| &d[at(number)]);
        for lane in 0..LANES {
            out[at(0)][lane] = a[lane] - c[lane];
            out[at(1)][lane] = b[lane] + c[lane];
            out[at(2)][lane] = c[lane] - b[lane];
            out[at(3)][lane] = b[lane] - e[lane];
        }
    }
    out
}

/// Sixteen products and what becomes of them.
struct Product<'a> {
    grid: Grid,
    x: &'a [f32],
    channels: usize,
    panels: &'a [f32],
    bias: &'a [f32],
}

impl Product<'_> {
    fn compute(&self, places: usize, finisher: Finisher<'_>) -> Vec<f32> {
        let outputs = self.bias.len();
        let mut y = Vec::with_capacity(places * outputs);
        let target = Target {
            first: y.as_mut_ptr(),
            stride: outputs,
        };
        let tiles = tiles();
        let size = [self.grid.squares, outputs.div_ceil(COLUMNS)];
        each(size, HEIGHT, Threads::All, |squares, panels| {
            let pixels = self.pixels(squares.clone());
            let mut sums = vec![[0f32; COLUMNS]; PARTS * squares.len()];
            for panel in panels {
                self.multiply(tiles, &pixels, panel, &mut sums);
                // SAFETY: nobody else has these squares and this panel; there is room for
                // all places.
                unsafe { self.results(squares.clone(), panel, &sums, target, finisher) };
            }
        });
        // SAFETY: each place belongs to a square, and all of its columns to panels.
        unsafe { y.set_len(places * outputs) };
        y
    }

    /// Writes the results of some squares, from their products with one panel.
    ///
    /// # Safety
    /// `target` has all places, and nobody else has these meanwhile.
    unsafe fn results(
        &self,
        squares: Range<usize>,
        panel: usize,
        sums: &[[f32; COLUMNS]],
        target: Target,
        finisher: Finisher<'_>,
    ) {
        let column = panel * COLUMNS;
        let width = COLUMNS.min(self.bias.len() - column);
        let mut bias = [0f32; COLUMNS];
        bias[..width].copy_from_slice(&self.bias[column..][..width]);
        for (at, square) in squares.clone().enumerate() {
            let parts = std::array::from_fn(|part| &sums[part * squares.len() + at]);
            let results = bring_back(parts, &bias);
            for (place, values) in self.grid.places(square).into_iter().zip(&results) {
                let Some(place) = place else { continue };
                // SAFETY: as the caller says.
                let out = unsafe { target.piece(place, column, width) };
                out.copy_from_slice(&values[..width]);
                finisher.finish(place, column, out);
            }
        }
    }

    /// The form of the pixels around some squares, `[16, squares, C]`.
    fn pixels(&self, squares: Range<usize>) -> Vec<f32> {
        let (channels, count) = (self.channels, squares.len());
        let mut form = Vec::with_capacity(PARTS * count * channels);
        let target = Target {
            first: form.as_mut_ptr(),
            stride: channels,
        };
        let outside = vec![0f32; channels];
        for (at, square) in squares.enumerate() {
            let around = self.grid.around(square, self.x, channels, &outside);
            // SAFETY: there is room for each part of each square, and each is written once.
            let part = |part| unsafe { target.piece(part * count + at, 0, channels) };
            bring(&around, std::array::from_fn(part));
        }
        // SAFETY: all are written.
        unsafe { form.set_len(PARTS * count * channels) };
        form
    }

    /// The products of some squares' form with one panel, `[16, squares]`.
    fn multiply(&self, tiles: &[Tile], pixels: &[f32], panel: usize, sums: &mut [[f32; COLUMNS]]) {
        let zeros = [0f32; COLUMNS];
        let size = self.channels * COLUMNS;
        let of_part = self.panels.len() / PARTS;
        let squares = sums.len() / PARTS;
        let forms = pixels.chunks_exact(squares * self.channels);
        let forms = forms.zip(self.panels.chunks_exact(of_part));
        for (sums, (form, panels)) in sums.chunks_exact_mut(squares).zip(forms) {
            let panel = &panels[panel * size..][..size];
            for some in parts(squares, squares.div_ceil(tiles.len())) {
                let mut rows: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
                let of_some = form.chunks_exact(self.channels).skip(some.start);
                rows.iter_mut()
                    .zip(of_some)
                    .for_each(|(row, values)| *row = values);
                let (count, sums) = (some.len(), sums[some].as_flattened_mut());
                // SAFETY: each row has a value for each row of the panel, and a place in
                // `sums`; there is a tile of so many rows.
                unsafe {
                    let (start, out) = (zeros.as_ptr(), sums.as_mut_ptr());
                    tiles[count - 1](&rows[..count], panel, start, 0, out, COLUMNS);
                }
            }
        }
    }
}

/// `Aᵀ m A + bias`: the four results of a square.
#[inline(always)]
fn bring_back(m: [&[f32; COLUMNS]; PARTS], bias: &[f32; COLUMNS]) -> [[f32; COLUMNS]; 4] {
    let mut results = [[0f32; COLUMNS]; 4];
    for column in 0..COLUMNS {
        let at = |part: usize| m[part][column];
        let upper = [0, 1, 2, 3].map(|i| at(i) + at(4 + i) + at(8 + i));
        let lower = [0, 1, 2, 3].map(|i| at(4 + i) - at(8 + i) - at(12 + i));
        for (line, [a, b, c, d]) in [upper, lower].into_iter().enumerate() {
            results[2 * line][column] = a + b + c + bias[column];
            results[2 * line + 1][column] = b - c - d + bias[column];
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use candle_core::{Result, Tensor};

    use super::Squares;
    use crate::ops::convolution::{Window, windows};
    use crate::ops::fixture::values;
    use crate::ops::{Then, Weight, linear, wide};

    #[test]
    fn the_form_gives_what_the_pixels_under_the_kernel_give() -> Result<()> {
        let window = Window::of_three(1);
        for (batch, [height, width], channels, outputs) in [
            (1, [7, 7], 64, 33),
            (2, [8, 5], 70, 64),
            (1, [1, 1], 64, 7),
            (3, [14, 15], 96, 40),
        ] {
            let x = values(&[batch, height, width, channels])?;
            let kernel = values(&[outputs, 9 * channels])?;
            let bias = values(&[outputs])?;
            let whole = linear(&windows(&x, window)?, &kernel, Some(&bias))?;
            let beside = values(whole.dims())?;
            let weight = Weight::in_panels::<{ wide::COLUMNS }>(kernel)?;
            let squares = Squares::of(&weight, window)?.expect("it fits");
            for (then, expected) in [
                (Then::Nothing, whole.clone()),
                (Then::Relu, whole.relu()?),
                (Then::AddRelu(&beside), (&whole + &beside)?.relu()?),
            ] {
                let got = squares.convolution(&x, &bias, then)?;
                assert_eq!(got.dims(), expected.dims());
                let largest = |x: &Tensor| x.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>();
                let error = largest(&(got - &expected)?)? / largest(&expected)?;
                assert!(error < 1e-5, "{height} × {width} × {channels}: {error}");
            }
        }
        Ok(())
    }
}
