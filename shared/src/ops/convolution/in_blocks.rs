//! A convolution some places at a time: what is gathered for them, multiplied and rectified
//! stays in the processor's cache from one to the next.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};

use super::{Then, Window};
use crate::ops::linear::matrix;
use crate::ops::matmul::{Matrix, Threads, matmul};
use crate::ops::{Weight, contiguous, is_cpu_f32};
use crate::parallel::*;

/// Places at a time. Fewer, and the weight is brought into the product's order too often.
const BLOCK: usize = 384;

/// The weight, if all is frozen floats on the CPU.
pub(super) fn fits<'a>(
    x: &Tensor,
    weight: &'a Weight,
    bias: &Tensor,
    then: Then<'_>,
) -> Option<&'a Tensor> {
    let fits = |tensor: &Tensor| is_cpu_f32(tensor) && !tensor.track_op();
    let beside = match then {
        Then::AddRelu(beside) => fits(beside),
        Then::Nothing | Then::Relu => true,
    };
    let weight = weight.as_dense().filter(|weight| fits(weight))?;
    (fits(x) && fits(bias) && beside).then_some(weight)
}

/// See [`super::convolution`].
pub(super) fn convolution(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    window: Window,
    then: Then<'_>,
) -> Result<Tensor> {
    let operation = InBlocks {
        window,
        is_rectified: !matches!(then, Then::Nothing),
        beside: match then {
            Then::AddRelu(beside) => Some(beside.contiguous()?),
            Then::Nothing | Then::Relu => None,
        },
    };
    let bias = bias.contiguous()?;
    x.contiguous()?.apply_op3_no_bwd(weight, &bias, &operation)
}

/// `(x [B, H, W, C], weight [out, side·side·C], bias [out])` → `[B, H', W', out]`.
struct InBlocks {
    window: Window,
    beside: Option<Tensor>,
    is_rectified: bool,
}

impl CustomOp3 for InBlocks {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = x_layout.shape().dims4()?;
        let (outputs, inputs) = weight_layout.shape().dims2()?;
        let side = self.window.side;
        let (rows, columns) = (self.window.places(height), self.window.places(width));
        let places = batch * rows * columns;
        if inputs != side * side * channels || places * outputs * inputs == 0 {
            bail!(
                "convolution: a kernel [{outputs}, {inputs}] of {side} on {height} × {width} × {channels}"
            );
        }
        let x = contiguous(self.name(), x, x_layout)?;
        let weight = matrix(weight, weight_layout)?.transposed(); // [in, out]
        let bias = contiguous(self.name(), bias, bias_layout)?;
        let beside = self.beside.as_ref().map(Tensor::storage_and_layout);
        let beside = match &beside {
            Some((storage, layout)) => match &**storage {
                Storage::Cpu(values) => contiguous(self.name(), values, layout)?,
                _ => bail!("convolution: what is added is not on the CPU"),
            },
            None => &[],
        };
        if self.beside.is_some() && beside.len() != places * outputs {
            bail!(
                "convolution: {} values to add to {places} × {outputs}",
                beside.len()
            );
        }
        let mut y = vec![0f32; places * outputs];
        let some = |scratch: &mut Vec<f32>, first: usize, y: &mut [f32], threads: Threads| {
            let count = y.len() / outputs;
            for y in y.chunks_exact_mut(outputs) {
                y.copy_from_slice(bias);
            }
            let under = match self.window {
                Window::ONE => &x[first * inputs..][..count * inputs],
                window => {
                    scratch.clear();
                    scratch.resize(count * inputs, 0.0);
                    window.gather(x, [height, width, channels], first, scratch);
                    scratch
                }
            };
            let under = Matrix::rows(under, inputs);
            matmul(
                [count, inputs, outputs],
                under,
                weight,
                y,
                outputs,
                true,
                1.0,
                threads,
            );
            if let Some(beside) = beside.get(first * outputs..) {
                for (y, beside) in y.iter_mut().zip(beside) {
                    *y += beside;
                }
            }
            if self.is_rectified {
                for y in y {
                    *y = y.max(0.0);
                }
            }
        };
        match blocks(places) {
            1 => some(&mut Vec::new(), 0, &mut y, Threads::All),
            blocks => {
                let block = places.div_ceil(blocks);
                y.par_chunks_mut(block * outputs).enumerate().for_each_init(
                    Vec::new,
                    |scratch, (at, y)| {
                        some(scratch, at * block, y, Threads::One);
                    },
                );
            }
        }
        Ok((
            CpuStorage::F32(y),
            Shape::from((batch, rows, columns, outputs)),
        ))
    }
}

/// Into how many blocks so many places fall: as many for each thread, or one that all
/// threads share.
fn blocks(places: usize) -> usize {
    let threads = rayon::current_num_threads().max(1);
    match places / BLOCK {
        few if few < threads => 1,
        blocks => blocks.next_multiple_of(threads),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Result;

    use super::{convolution, fits};
    use crate::ops::convolution::{Then, Window, windows};
    use crate::ops::fixture::values;
    use crate::ops::{Weight, linear};

    #[test]
    fn blocks_give_what_the_whole_gives() -> Result<()> {
        for (side, stride, padding) in [(3, 1, 1), (3, 2, 1), (1, 1, 0), (2, 2, 0)] {
            let window = Window {
                side,
                stride,
                padding,
            };
            // Places enough for several blocks, and for one.
            for length in [61, 9] {
                let x = values(&[2, length, length, 5])?;
                let kernel = values(&[7, side * side * 5])?;
                let bias = values(&[7])?;
                let whole = linear(&windows(&x, window)?, &kernel, Some(&bias))?;
                let beside = values(whole.dims())?;
                let weight = Weight::new(kernel)?;
                for (then, expected) in [
                    (Then::Nothing, whole.clone()),
                    (Then::Relu, whole.relu()?),
                    (Then::AddRelu(&beside), (&whole + &beside)?.relu()?),
                ] {
                    let kernel = fits(&x, &weight, &bias, then).expect("all of it is frozen");
                    let got = convolution(&x, kernel, &bias, window, then)?;
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
        let (x, bias) = (values(&[1, 4, 4, 3])?, values(&[2])?);
        let kernel = values(&[2, 3])?;
        let beside = values(&[1, 4, 4, 1])?;
        let add = Then::AddRelu(&beside);
        assert!(convolution(&x, &kernel, &bias, Window::ONE, add).is_err());
        let odd = values(&[2, 4])?;
        assert!(convolution(&x, &odd, &bias, Window::ONE, Then::Relu).is_err());
        let too_large = Window {
            side: 9,
            stride: 1,
            padding: 0,
        };
        let kernel = values(&[2, 243])?;
        assert!(convolution(&x, &kernel, &bias, too_large, Then::Relu).is_err());
        Ok(())
    }
}
