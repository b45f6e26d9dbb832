//! An adapter added into the weights of its model, while that is written.

use candle_core::Tensor;

use super::layers::{Encoder, Layers, numbers};
use crate::checkpoint::LearnedFile;
use crate::clip::{LOGIT_SCALE, Projection};
use crate::error::{Error, Result};

/// What an adapter adds to a model's tensors.
#[derive(Debug, Clone)]
pub struct Merge {
    layers: Layers,
    logit_scale: f64,
}

/// Logit scales that differ by less are the same: 100 is stored as 4.6052.
const SAME_SCALE: f64 = 1e-3;

impl Merge {
    /// # Errors
    /// [`Error::Format`] if the file holds no adapter.
    pub fn new(file: &LearnedFile) -> Result<Self> {
        let (layers, facts) = Layers::of(file)?;
        Ok(Self {
            layers,
            logit_scale: facts.logit_scale,
        })
    }

    /// Adds its part to the `values` of the tensor `name`, an OpenAI name, row-major.
    ///
    /// # Errors
    /// [`Error::Format`] if a layer's width is not the tensor's.
    pub fn add(&self, name: &str, values: &mut [f32]) -> Result<()> {
        if name == LOGIT_SCALE {
            let own = values.first().map_or(0.0, |log| f64::from(*log).exp());
            if (own / self.logit_scale - 1.0).abs() > SAME_SCALE {
                values.fill(self.logit_scale.ln() as f32);
            }
            return Ok(());
        }
        for (&(encoder, block, projection), layer) in &self.layers.0 {
            let (part, parts) = match projection {
                Projection::Query => (0, 3),
                Projection::Key => (1, 3),
                Projection::Value => (2, 3),
                Projection::Output => (0, 1),
            };
            let tensor = match parts {
                3 => "attn.in_proj_weight",
                _ => "attn.out_proj.weight",
            };
            if name
                != format!(
                    "{}.resblocks.{block}.{tensor}",
                    Encoder::transformer(encoder)
                )
            {
                continue;
            }
            let change: Tensor = (layer.b.matmul(&layer.a)? * layer.factor)?;
            let change = numbers(&change)?;
            let length = values.len() / parts;
            let rows = values
                .get_mut(part * length..(part + 1) * length)
                .filter(|rows| rows.len() == change.len())
                .ok_or_else(|| {
                    let reason = format!("a layer has {} values for `{name}`", change.len());
                    Error::format("the adapter", reason)
                })?;
            for (value, change) in rows.iter_mut().zip(change) {
                *value += change;
            }
        }
        Ok(())
    }
}
