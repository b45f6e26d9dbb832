//! CLIP's ResNet (openai/CLIP `clip/model.py`: `ModifiedResNet`): a stem of three
//! convolutions, average pools in place of strides, and attention as the last pool.
//!
//! It is frozen everywhere, so each batch normalisation is folded into the
//! convolution before it: the same numbers up to rounding.

use candle_core::{D, DType, Tensor};

use super::layout::EXPANSION;
use super::{Weights, check_pixels};
use crate::error::Result;
use crate::ops::{self, Kernel, Linear, Then, Window};
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
            return self.features(pixels);
        }
        let features = (0..batch)
            .step_by(at_once)
            .map(|first| self.features(&pixels.narrow(0, first, at_once.min(batch - first))?));
        Ok(Tensor::cat(&features.collect::<Result<Vec<_>>>()?, 0)?)
    }

    /// The same, of so many images that what lies between two layers stays in the caches.
    fn features(&self, pixels: &Tensor) -> Result<Tensor> {
        let mut x = pixels.permute((0, 2, 3, 1))?.contiguous()?; // [B, H, W, 3]
        for convolution in &self.stem {
            x = convolution.forward(&x, Then::Relu)?;
        }
        x = ops::average_pool(&x, 2)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.pool.forward(&x)
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

/// Attention from the mean of all positions to each of them
/// (`AttentionPool2d`).
#[derive(Debug, Clone)]
struct AttentionPool {
    positional_embedding: Tensor, // [grid² + 1, channels]
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear, // channels → embed_dim
    heads: usize,
}

impl AttentionPool {
    fn load(
        weights: &mut Weights,
        [positions, channels, embed_dim]: [usize; 3],
        heads: usize,
    ) -> Result<Self> {
        const PREFIX: &str = "visual.attnpool";
        let mut linear = |name: &str, outputs| {
            let weight = format!("{PREFIX}.{name}.weight");
            let bias = format!("{PREFIX}.{name}.bias");
            weights.take_linear(&weight, &bias, [outputs, channels])
        };
        Ok(Self {
            query: linear("q_proj", channels)?,
            key: linear("k_proj", channels)?,
            value: linear("v_proj", channels)?,
            output: linear("c_proj", embed_dim)?,
            positional_embedding: weights.take(
                &format!("{PREFIX}.positional_embedding"),
                &[positions, channels],
            )?,
            heads,
        })
    }

    /// `[B, H, W, channels]` → `[B, embed_dim]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, height, width, channels) = x.dims4()?;
        let (count, columns) = (height * width + 1, channels / self.heads);
        let x = x.reshape((batch, height * width, channels))?;
        let x = Tensor::cat(&[&x.mean_keepdim(1)?, &x], 1)?; // [B, T, channels]
        let x = x.broadcast_add(&self.positional_embedding)?;
        let by_head = |x: Tensor, rows: usize| -> Result<Tensor> {
            let x = x.reshape((batch, rows, self.heads, columns))?;
            Ok(x.transpose(1, 2)?.contiguous()?) // [B, heads, rows, columns]
        };
        // Only the mean asks.
        let query = by_head(self.query.forward(&x.narrow(1, 0, 1)?)?, 1)?;
        let key = by_head(self.key.forward(&x)?, count)?;
        let value = by_head(self.value.forward(&x)?, count)?;
        let scores = query.matmul(&key.transpose(D::Minus2, D::Minus1)?)?; // [B, heads, 1, T]
        let shares = ops::softmax(&(scores * (columns as f64).powf(-0.5))?)?;
        let attended = shares.matmul(&value)?; // [B, heads, 1, columns]
        Ok(self.output.forward(&attended.reshape((batch, channels))?)?)
    }
}
