//! Two-dimensional convolution and pooling over rows of channels.
//!
//! Pixels lie as `[B, H, W, C]`, so that a 1 × 1 convolution is a product of
//! matrices as it is, and a larger one a product behind one gather. These serve
//! frozen image encoders: asking for a gradient through the gather or the pool is
//! an error, never a silent nothing.

#[cfg(not(target_arch = "wasm32"))]
mod in_place;
#[cfg(not(target_arch = "wasm32"))]
mod winograd;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::{Then, Weight, contiguous, is_cpu_f32};
use crate::parallel::*;

/// A square kernel's place: its side, its step, and the zeros around the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub side: usize,
    pub stride: usize,
    pub padding: usize,
}

impl Window {
    /// A pixel by itself.
    const ONE: Self = Self {
        side: 1,
        stride: 1,
        padding: 0,
    };

    /// A square of nine pixels around each place.
    pub const fn of_three(stride: usize) -> Self {
        Self {
            side: 3,
            stride,
            padding: 1,
        }
    }

    /// Places along `length` pixels.
    fn places(self, length: usize) -> usize {
        match (length + 2 * self.padding).checked_sub(self.side) {
            Some(rest) => rest / self.stride + 1,
            None => 0,
        }
    }

    /// Writes the pixels of images `[B, height, width, channels]` under some places of the
    /// kernel, from the place `first` on, one after another; `under` is of zeros.
    fn gather(
        self,
        x: &[f32],
        [height, width, channels]: [usize; 3],
        first: usize,
        under: &mut [f32],
    ) {
        let Self {
            side,
            stride,
            padding,
        } = self;
        let (rows, columns) = (self.places(height), self.places(width));
        for (at, under) in under.chunks_exact_mut(side * side * channels).enumerate() {
            let place = first + at;
            let (image, row, column) = (
                place / (rows * columns),
                place / columns % rows,
                place % columns,
            );
            let image = &x[image * height * width * channels..][..height * width * channels];
            for (line, under) in under.chunks_exact_mut(side * channels).enumerate() {
                let Some(top) = (row * stride + line).checked_sub(padding) else {
                    continue; // zeros above the image
                };
                if top >= height {
                    continue; // zeros below it
                }
                // The part of this line that lies inside of the image.
                let left = column * stride; // counted from the padding's edge
                let skipped = padding.saturating_sub(left);
                let end = (left + side).min(width + padding);
                if left + skipped >= end {
                    continue;
                }
                let from = (top * width + left + skipped - padding) * channels;
                let count = (end - left - skipped) * channels;
                under[skipped * channels..][..count].copy_from_slice(&image[from..][..count]);
            }
        }
    }
}

/// The weight `[out, side·side·C]` of a convolution (rows of the kernel, then columns, then
/// channels), as this machine's products read it.
#[derive(Debug, Clone)]
pub struct Kernel {
    form: Form,
    window: Window,
}

#[derive(Debug, Clone)]
enum Form {
    AsItIs(Weight),
    #[cfg(not(target_arch = "wasm32"))]
    Squares(winograd::Squares),
}

impl Kernel {
    /// Takes a weight and where its kernel goes.
    pub fn new(weight: Weight, window: Window) -> Result<Self> {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(squares) = winograd::Squares::of(&weight, window)? {
            let form = Form::Squares(squares);
            return Ok(Self { form, window });
        }
        let form = Form::AsItIs(weight);
        Ok(Self { form, window })
    }

    /// A convolution and what follows it: `x [B, H, W, C]`, `bias [out]` →
    /// `[B, H', W', out]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or a gradient would come back through it.
    pub fn convolution(&self, x: &Tensor, bias: &Tensor, then: Then<'_>) -> Result<Tensor> {
        if [Some(x), Some(bias), then.beside()]
            .into_iter()
            .flatten()
            .any(Tensor::track_op)
        {
            bail!("convolution: nothing of it may be trained, nor what it is computed from");
        }
        match &self.form {
            #[cfg(not(target_arch = "wasm32"))]
            Form::Squares(squares) => squares.convolution(x, bias, then),
            Form::AsItIs(weight) => self.by_places(weight, x, bias, then),
        }
    }

    /// The same, place by place.
    fn by_places(
        &self,
        weight: &Weight,
        x: &Tensor,
        bias: &Tensor,
        then: Then<'_>,
    ) -> Result<Tensor> {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(panels) = in_place::fits(x, weight) {
            return in_place::convolution(x, panels, bias, self.window, then);
        }
        match self.window {
            Window::ONE => weight.linear_then(x, Some(bias), then),
            window => weight.linear_then(&windows(x, window)?, Some(bias), then),
        }
    }
}

/// The pixels under each place of the kernel: `x [B, H, W, C]` →
/// `[B, H', W', side·side·C]`.
fn windows(x: &Tensor, window: Window) -> Result<Tensor> {
    if is_cpu_f32(x) {
        return x.contiguous()?.apply_op1_no_bwd(&Windows(window));
    }
    let (_, height, width, _) = x.dims4()?;
    let Window {
        side,
        stride,
        padding,
    } = window;
    let (rows, columns) = (window.places(height), window.places(width));
    let x = x
        .pad_with_zeros(1, padding, padding)?
        .pad_with_zeros(2, padding, padding)?;
    let every = |x: Tensor, dim: usize, first: usize, count: usize| -> Result<Tensor> {
        let at: Vec<u32> = (0..count).map(|i| (first + stride * i) as u32).collect();
        x.index_select(&Tensor::new(at, x.device())?, dim)
    };
    let mut parts = Vec::with_capacity(side * side);
    for top in 0..side {
        let lines = every(x.clone(), 1, top, rows)?;
        for left in 0..side {
            parts.push(every(lines.clone(), 2, left, columns)?);
        }
    }
    Tensor::cat(&parts, 3)
}

/// The mean over squares of `side × side` pixels: `x [B, H, W, C]` →
/// `[B, H / side, W / side, C]`. What is left over at the edges is dropped.
pub fn average_pool(x: &Tensor, side: usize) -> Result<Tensor> {
    if side == 1 {
        return Ok(x.clone());
    }
    if is_cpu_f32(x) {
        return x.contiguous()?.apply_op1_no_bwd(&AveragePool(side));
    }
    let (batch, height, width, channels) = x.dims4()?;
    let (rows, columns) = (height / side, width / side);
    x.narrow(1, 0, rows * side)?
        .narrow(2, 0, columns * side)?
        .reshape(&[batch, rows, side, columns, side, channels][..])?
        .mean(4)? // [B, rows, side, columns, C]
        .mean(2) // [B, rows, columns, C]
}

struct Windows(Window);

impl CustomOp1 for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let x = contiguous(self.name(), x, layout)?;
        let side = self.0.side;
        let (rows, columns) = (self.0.places(height), self.0.places(width));
        let row_length = columns * side * side * channels;
        if row_length == 0 || rows == 0 {
            bail!("windows: a kernel of {side} on {height} × {width} pixels");
        }
        let mut y = vec![0f32; batch * rows * row_length];
        let image = [height, width, channels];
        y.par_chunks_exact_mut(row_length)
            .enumerate()
            .for_each(|(at, y)| self.0.gather(x, image, at * columns, y));
        let shape = Shape::from((batch, rows, columns, side * side * channels));
        Ok((CpuStorage::F32(y), shape))
    }
}

struct AveragePool(usize);

impl CustomOp1 for AveragePool {
    fn name(&self) -> &'static str {
        "average-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let x = contiguous(self.name(), x, layout)?;
        let side = self.0;
        let (rows, columns) = (height / side, width / side);
        if rows * columns * channels == 0 {
            bail!("average-pool: squares of {side} on {height} × {width} pixels");
        }
        let scale = 1.0 / (side * side) as f32;
        let mut y = vec![0f32; batch * rows * columns * channels];
        y.par_chunks_exact_mut(columns * channels)
            .enumerate()
            .for_each(|(at, y)| {
                let (image, row) = (at / rows, at % rows);
                for (column, y) in y.chunks_exact_mut(channels).enumerate() {
                    for line in 0..side {
                        let first = (image * height + row * side + line) * width + column * side;
                        for x in x[first * channels..][..side * channels].chunks_exact(channels) {
                            y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
                        }
                    }
                    y.iter_mut().for_each(|y| *y *= scale);
                }
            });
        let shape = Shape::from((batch, rows, columns, channels));
        Ok((CpuStorage::F32(y), shape))
    }
}
