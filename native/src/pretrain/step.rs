//! One contrastive step: pictures and captions drawn, matched, learned from.

use candle_core::{Device, Tensor};
use clipwright_shared::clip::{TokenRow, Tokenizer, normalise};
use clipwright_shared::ops::cross_entropy;
use clipwright_shared::train::check_loss;
use clipwright_shared::views::{RgbImage, normalise_pixels};
use clipwright_shared::{Error, Result};
use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Pretraining;
use crate::world::{Scene, Style, caption, render};

/// What a step saw, before its update.
#[derive(Debug, Clone, Copy)]
pub struct StepLoss {
    /// Mean of both directions' cross-entropies, in nats.
    pub loss: f32,
    pub lr: f64,
    pub logit_scale: f64,
}

/// Highest `ln(logit_scale)`: a factor of 100 (Radford et al. 2021, section 2.5).
const HIGHEST_LOG_LOGIT_SCALE: f64 = 4.605_170_185_988_092;

/// Far below any logit, and still finite.
const NEVER: f32 = -1e4;

impl Pretraining {
    /// Draws pairs, takes one step.
    pub fn step(&mut self, tokenizer: &Tokenizer) -> Result<StepLoss> {
        let lr = self.lr();
        let side = self.clip.config.image.side;
        let (pictures, captions) = self.pairs(side);
        let pixels = normalise_pixels(&pictures, &Device::Cpu)?;
        let Some(vit) = self.clip.image.vit() else {
            return Err(Error::setting("the image encoder", "a ResNet", "a ViT"));
        };
        let vit = vit.clone(); // its tensors are shared
        let rows = self.keep_patches(&vit.embed(&pixels)?)?;
        let image = normalise(&vit.encode(&rows)?)?;
        let context_length = self.clip.config.text.context_length;
        let tokens = captions
            .iter()
            .map(|caption| tokenizer.row(caption, context_length))
            .collect::<Result<Vec<TokenRow>>>()?;
        let text = normalise(&self.clip.encode_tokens(&tokens)?)?;

        let scale = self.clip.log_logit_scale.exp()?;
        let logits = image.matmul(&text.t()?)?.broadcast_mul(&scale)?;
        let logits = (logits + same_caption_mask(&captions)?)?;
        let labels = Tensor::arange(0u32, captions.len() as u32, &Device::Cpu)?;
        let by_image = cross_entropy(&logits, &labels)?;
        let by_text = cross_entropy(&logits.t()?.contiguous()?, &labels)?;
        let loss = ((by_image + by_text)? * 0.5)?;
        let report = StepLoss {
            loss: loss.to_scalar()?,
            lr,
            logit_scale: f64::from(scale.to_scalar::<f32>()?),
        };
        check_loss(report.loss)?;
        self.optimizer.step(&loss.backward()?, lr)?;
        self.bound_logit_scale()?;
        self.step += 1;
        Ok(report)
    }

    /// A batch of pictures with their captions, each from a seed of its own, so
    /// that they can be drawn in parallel and are the same on any machine.
    fn pairs(&mut self, side: usize) -> (Vec<RgbImage>, Vec<String>) {
        let seeds: Vec<u64> = (0..self.settings.batch)
            .map(|_| self.random.random())
            .collect();
        seeds
            .into_par_iter()
            .filter_map(|seed| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let scene = Scene::sample_for_pretraining(&mut random);
                let pixels = render(&scene, &Style::NATURAL, side);
                let picture = RgbImage::from_raw(side as u32, side as u32, pixels)?;
                Some((picture, caption(&scene, &mut random)))
            })
            .unzip()
    }

    /// Keeps the class row and a random subset of each picture's patches:
    /// `[B, 1 + patches, width]` → `[B, 1 + kept, width]`.
    fn keep_patches(&mut self, rows: &Tensor) -> Result<Tensor> {
        let (batch, count, width) = rows.dims3()?;
        let patches = count - 1;
        let kept = (patches as f64 * self.kept_patches()).ceil() as usize;
        if kept >= patches {
            return Ok(rows.clone());
        }
        let mut index = Vec::with_capacity(batch * (kept + 1));
        for picture in 0..batch {
            let first = (picture * count) as u32;
            index.push(first);
            let chosen = index::sample(&mut self.random, patches, kept);
            index.extend(chosen.into_iter().map(|patch| first + 1 + patch as u32));
        }
        let index = Tensor::new(index, rows.device())?;
        let rows = rows
            .reshape((batch * count, width))?
            .index_select(&index, 0)?;
        Ok(rows.reshape((batch, kept + 1, width))?)
    }

    fn bound_logit_scale(&self) -> Result<()> {
        for (name, variable) in &self.variables {
            if name == "logit_scale" {
                let bounded = variable
                    .as_detached_tensor()
                    .clamp(0.0, HIGHEST_LOG_LOGIT_SCALE)?;
                variable.set(&bounded)?;
            }
        }
        Ok(())
    }
}

/// `[B, B]`: zero, but [`NEVER`] where another pair has the very same caption,
/// which is then no wrong answer.
fn same_caption_mask(captions: &[String]) -> Result<Tensor> {
    let count = captions.len();
    let mask: Vec<f32> = (0..count * count)
        .map(|at| {
            let (row, column) = (at / count, at % count);
            let same = row != column && captions[row] == captions[column];
            if same { NEVER } else { 0.0 }
        })
        .collect();
    Ok(Tensor::from_vec(mask, (count, count), &Device::Cpu)?)
}
