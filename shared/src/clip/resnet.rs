//! CLIP's ResNet (openai/CLIP `clip/model.py`: `ModifiedResNet`): a stem of three
//! convolutions, average pools in place of strides, and attention as the last pool.
//!
//! It is frozen everywhere, so each batch normalisation is folded into the
//! convolution before it: the same numbers up to rounding.

use candle_core::{DType, Tensor};

use super::attention_pool::AttentionPool;
use super::layout::EXPANSION;
use super::{Weights, check_pixels};
use crate::error::Result;
use crate::ops::{self, Kernel, Then, Window};
use crate::parallel::threads;

/// Pixels → image features.
#[derive(Debug, Clone)]
pub struct ModifiedResNet {
    stem: [Convolution; 3],
    blocks: Vec<Bottleneck>,
    pool: AttentionPool,
    side: usize,
}

impl ModifiedResNet {
    /// Reads the tensors under `visual.`, for images of `side × side` pixels:
    /// `width` channels behind the stem, bottlenecks in each of four `stages`,
    /// `heads` in the attention pool.
    pub fn load(
        weights: &mut Weights,
        side: usize,
        (width, stages, heads): (usize, &[usize; 4], usize),
        embed_dim: usize,
    ) -> Result<Self> {
        let half = width / 2;
        let mut stem = |number: usize, channels, stride| {
            let names = [format!("visual.conv{number}"), format!("visual.bn{number}")];
            Convolution::load(weights, &names, channels, Window::of_three(stride))
        };
        let stem = [
            stem(1, [half, 3], 2)?,
            stem(2, [half, half], 1)?,
            stem(3, [width, half], 1)?,
        ];
        let mut blocks = Vec::new();
        let mut inputs = width;
        for (stage, &count) in stages.iter().enumerate() {
            let planes = width << stage;
            for block in 0..count {
                let prefix = format!("visual.layer{}.{block}", stage + 1);
                let is_first = block == 0;
                // From the second stage on, the first block halves the side.
                let stride = if is_first && stage > 0 { 2 } else { 1 };
                let channels = [inputs, planes];
                blocks.push(Bottleneck::load(
                    weights, &prefix, channels, stride, is_first,
                )?);
                inputs = EXPANSION * planes;
            }
        }
        let grid = side / 32;
        let positions = grid * grid + 1;
        let pool = AttentionPool::load(weights, [positions, inputs, embed_dim], heads)?;
        Ok(Self {
            stem,
            blocks,
            pool,
            side,
        })
    }

    /// Normalised pixels `[B, 3, side, side]` → image features `[B, embed_dim]`,
    /// not normalised.
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let batch = check_pixels(pixels, self.side)?;
        let at_once = threads();
        if batch <= at_once || !pixels.device().is_cpu() {
            return self.pool.forward(&self.positions(pixels)?);
        }
        // So many that what lies between two layers stays in the caches.
        let positions = (0..batch)
            .step_by(at_once)
            .map(|first| self.positions(&pixels.narrow(0, first, at_once.min(batch - first))?));
        let positions = positions.collect::<Result<Vec<_>>>()?;
        self.pool.forward(&Tensor::cat(&positions, 0)?)
    }

    /// Pixels → what the pool takes, `[B, side / 32, side / 32, channels]`.
    fn positions(&self, pixels: &Tensor) -> Result<Tensor> {
        let mut x = pixels.permute((0, 2, 3, 1))?.contiguous()?; // [B, H, W, 3]
        for convolution in &self.stem {
            x = convolution.forward(&x, Then::Relu)?;
        }
        x = ops::average_pool(&x, 2)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        Ok(x)
    }
}

/// A convolution with its batch normalisation folded in.
#[derive(Debug, Clone)]
struct Convolution {
    kernel: Kernel,
    bias: Tensor, // [out]
}

impl Convolution {
    fn load(
        weights: &mut Weights,
        [convolution, normalisation]: &[String; 2],
        [outputs, inputs]: [usize; 2],
        window: Window,
    ) -> Result<Self> {
        // torch.nn.BatchNorm2d's default.
        const EPSILON: f64 = 1e-5;
        let side = window.side;
        let name = format!("{convolution}.weight");
        let kernel = weights.take(&name, &[outputs, inputs, side, side])?;
        let mut vector = |part| weights.take(&format!("{normalisation}.{part}"), &[outputs]);
        let (gain, shift) = (vector("weight")?, vector("bias")?);
        let (mean, variance) = (vector("running_mean")?, vector("running_var")?);
        // y = (x − mean) / √(variance + ε) · gain + shift; the factor in f64.
        let variance = variance.to_dtype(DType::F64)?;
        let factor = (gain.to_dtype(DType::F64)? / (variance + EPSILON)?.sqrt()?)?;
        let bias = (shift.to_dtype(DType::F64)? - (mean.to_dtype(DType::F64)? * &factor)?)?;
        let factor = factor.to_dtype(DType::F32)?;
        let weight = kernel
            .permute((0, 2, 3, 1))? // rows, columns, channels
            .contiguous()?
            .reshape((outputs, side * side * inputs))?
            .broadcast_mul(&factor.unsqueeze(1)?)?;
        Ok(Self {
            kernel: Kernel::new(weights.lay_out(&name, weight)?, window)?,
            bias: bias.to_dtype(DType::F32)?,
        })
    }

    /// `[B, H, W, in]` → `[B, H', W', out]`.
    fn forward(&self, x: &Tensor, then: Then<'_>) -> Result<Tensor> {
        Ok(self.kernel.convolution(x, &self.bias, then)?)
    }
}

/// Three convolutions beside a shortcut.
#[derive(Debug, Clone)]
struct Bottleneck {
    convolutions: [Convolution; 3],
    shortcut: Option<Convolution>,
    stride: usize,
}

impl Bottleneck {
    fn load(
        weights: &mut Weights,
        prefix: &str,
        [inputs, planes]: [usize; 2],
        stride: usize,
        has_shortcut: bool,
    ) -> Result<Self> {
        let outputs = EXPANSION * planes;
        let window = |side| Window {
            side,
            stride: 1,
            padding: side / 2,
        };
        let mut convolution = |names: [&str; 2], channels, side| {
            let names = names.map(|name| format!("{prefix}.{name}"));
            Convolution::load(weights, &names, channels, window(side))
        };
        let convolutions = [
            convolution(["conv1", "bn1"], [planes, inputs], 1)?,
            convolution(["conv2", "bn2"], [planes, planes], 3)?,
            convolution(["conv3", "bn3"], [outputs, planes], 1)?,
        ];
        let shortcut = match has_shortcut {
            true => Some(convolution(
                ["downsample.0", "downsample.1"],
                [outputs, inputs],
                1,
            )?),
            false => None,
        };
        Ok(Self {
            convolutions,
            shortcut,
            stride,
        })
    }

    /// `[B, H, W, in]` → `[B, H / stride, W / stride, 4·planes]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second, third] = &self.convolutions;
        let y = first.forward(x, Then::Relu)?;
        let y = second.forward(&y, Then::Relu)?;
        let beside = match &self.shortcut {
            Some(shortcut) => {
                shortcut.forward(&ops::average_pool(x, self.stride)?, Then::Nothing)?
            }
            None => x.clone(),
        };
        third.forward(&ops::average_pool(&y, self.stride)?, Then::AddRelu(&beside))
    }
}
