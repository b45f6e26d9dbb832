//! The entropies of the image and of its patches, made smaller (the notebook's group 2).

use candle_core::Tensor;

use super::patches::{EPSILON, Patches};
use crate::error::Result;

/// `patch_loss3`: the mean of the entropies, each weighted by its inverse. The weights
/// are differentiated too.
pub(super) fn weighted(patches: &Patches, share: f64) -> Result<Tensor> {
    let entropies = patches.entropies(share)?;
    let weights = (&entropies + EPSILON)?.recip()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(0)?)?;
    Ok((entropies * weights)?.sum_all()?)
}

/// `patch_loss4`: the lowest of the entropies. Equal ones share the gradient, as in
/// PyTorch.
pub(super) fn lowest(patches: &Patches, share: f64) -> Result<Tensor> {
    let entropies = patches.entropies(share)?;
    let values: Vec<f32> = entropies.detach().to_vec1()?;
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let equal = values.iter().filter(|value| **value == least).count();
    let share = |value: &f32| match *value == least {
        true => 1.0 / equal as f32,
        false => 0.0,
    };
    let shares: Vec<f32> = values.iter().map(share).collect();
    let shares = Tensor::new(shares, entropies.device())?;
    Ok((entropies * shares)?.sum_all()?)
}
