//! A convolution that reads pixels where they are: a row of the product's left matrix is the
//! pixels under one place of the kernel, each a part of its own, and nothing is gathered.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::Window;
use crate::ops::finish::Finish;
use crate::ops::wide::{Right, Rows, product};
use crate::ops::{Then, Weight, contiguous};

/// Fewer channels than this are gathered sooner than looked up.
const LEAST_CHANNELS: usize = 8;

/// The weight's panels, if it has any, and there are channels enough.
pub(super) fn fits<'a>(x: &Tensor, weight: &'a Weight) -> Option<&'a Tensor> {
    let are_wide = x.dims().last() >= Some(&LEAST_CHANNELS);
    weight.as_wide_panels().filter(|_| are_wide)
}

/// See [`super::Kernel::convolution`].
pub(super) fn convolution(
    x: &Tensor,
    panels: &Tensor,
    bias: &Tensor,
    window: Window,
    then: Then<'_>,
) -> Result<Tensor> {
    let operation = InPlace {
        window,
        finish: Finish::new(then)?,
    };
    let bias = bias.contiguous()?;
    x.contiguous()?.apply_op3_no_bwd(panels, &bias, &operation)
}

/// `(x [B, H, W, C], panels [⌈out / 32⌉, side·side·C, 32], bias [out])` → `[B, H', W', out]`.
struct InPlace {
    window: Window,
    finish: Finish,
}

/// The pixels under every place of the kernel.
struct Under<'a> {
    x: &'a [f32],
    /// Height, width and channels of an image.
    image: [usize; 3],
    window: Window,
    /// A pixel outside of the image.
    outside: Vec<f32>,
}

impl Rows for Under<'_> {
    fn parts(&self) -> usize {
        self.window.side.pow(2)
    }

    fn depth(&self) -> usize {
        self.outside.len()
    }

    fn row<'a>(&'a self, place: usize, mut tell: impl FnMut(usize, &'a [f32])) {
        let [height, width, channels] = self.image;
        let Window {
            side,
            stride,
            padding,
        } = self.window;
        let (rows, columns) = (self.window.places(height), self.window.places(width));
        let (line, column) = (place / columns, place % columns);
        let (image, row) = (line / rows, line % rows);
        for part in 0..side * side {
            let line = (row * stride + part / side).checked_sub(padding);
            let pixel = (column * stride + part % side).checked_sub(padding);
            let inside = line.filter(|line| *line < height);
            let inside = inside.zip(pixel.filter(|pixel| *pixel < width));
            let pixels = inside.map(|(line, pixel)| {
                let first = ((image * height + line) * width + pixel) * channels;
                &self.x[first..first + channels]
            });
            tell(part, pixels.unwrap_or(&self.outside));
        }
    }
}

impl CustomOp3 for InPlace {
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
        let (_, inputs, _) = panels_layout.shape().dims3()?;
        let outputs = bias_layout.shape().elem_count();
        let side = self.window.side;
        let (rows, columns) = (self.window.places(height), self.window.places(width));
        let places = batch * rows * columns;
        if inputs != side * side * channels || places * outputs * inputs == 0 {
            bail!(
                "convolution: a kernel [{outputs}, {inputs}] of {side} on {height} × {width} × {channels}"
            );
        }
        let right = Right {
            panels: contiguous(self.name(), panels, panels_layout)?,
            bias: contiguous(self.name(), bias, bias_layout)?,
        };
        let under = Under {
            x: contiguous(self.name(), x, x_layout)?,
            image: [height, width, channels],
            window: self.window,
            outside: vec![0.0; channels],
        };
        let y = self.finish.on([places, outputs], |finish| {
            product(places, &under, right, finish)
        })?;
        Ok((
            CpuStorage::F32(y),
            Shape::from((batch, rows, columns, outputs)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Result;

    use crate::ops::convolution::{Kernel, Window, windows};
    use crate::ops::fixture::values;
    use crate::ops::{Then, Weight, linear};

    #[test]
    fn pixels_in_place_give_what_gathered_ones_give() -> Result<()> {
        for (side, stride, padding) in [(3, 1, 1), (3, 2, 1), (1, 1, 0), (2, 2, 0)] {
            let window = Window {
                side,
                stride,
                padding,
            };
            // Places enough for several blocks, and for one.
            for length in [61, 9] {
                let x = values(&[2, length, length, 9])?;
                let kernel = values(&[39, side * side * 9])?;
                let bias = values(&[39])?;
                let whole = linear(&windows(&x, window)?, &kernel, Some(&bias))?;
                let beside = values(whole.dims())?;
                let kernel = Kernel::new(Weight::new(kernel)?, window)?;
                for (then, expected) in [
                    (Then::Nothing, whole.clone()),
                    (Then::Relu, whole.relu()?),
                    (Then::AddRelu(&beside), (&whole + &beside)?.relu()?),
                ] {
                    let got = kernel.convolution(&x, &bias, then)?;
                    assert_eq!(got.dims(), expected.dims());
                    let error = (got - expected)?.abs()?.flatten_all()?.max(0)?;
                    let error = error.to_scalar::<f32>()?;
                    assert!(error < 1e-5, "{window:?} {length}: {error}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let (x, bias) = (values(&[1, 4, 4, 9])?, values(&[2])?);
        let kernel =
            |inputs: usize, window| Kernel::new(Weight::new(values(&[2, inputs])?)?, window);
        let beside = values(&[1, 4, 4, 3])?;
        let add = Then::AddRelu(&beside);
        let of_one = kernel(9, Window::ONE)?;
        assert!(of_one.convolution(&x, &bias, add).is_err());
        let odd = kernel(10, Window::ONE)?;
        assert!(odd.convolution(&x, &bias, Then::Relu).is_err());
        let side_of_nine = Window {
            side: 9,
            stride: 1,
            padding: 0,
        };
        let too_large = kernel(729, side_of_nine)?;
        assert!(too_large.convolution(&x, &bias, Then::Relu).is_err());
        Ok(())
    }
}
