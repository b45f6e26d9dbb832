//! The entropy of one prediction made of the image's and all patches' (the notebook's
//! group 3). Views are averaged as logits here, none is left out, and it is the
//! logarithms that are weighted: a patch without weight says "all classes alike".

use candle_core::{D, Tensor};

use super::patches::{EPSILON, Patches};
use crate::error::Result;
use crate::ops::log_softmax;
use crate::tuning::confidence::entropy_of_logarithms;

/// `patch_loss5`: weighted by the inverse entropy.
pub(super) fn by_inverse(patches: &Patches) -> Result<Tensor> {
    entropy_of_weighted(patches, |entropies| Ok((entropies + EPSILON)?.recip()?))
}

/// `patch_loss6`: weighted by `exp(-alpha · entropy)`.
pub(super) fn by_exponential(patches: &Patches, alpha: f64) -> Result<Tensor> {
    entropy_of_weighted(patches, |entropies| Ok((entropies * -alpha)?.exp()?))
}

/// `weights` makes weights of entropies, `[groups]` → `[groups]`.
fn entropy_of_weighted(
    patches: &Patches,
    weights: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let logarithms = log_softmax(&patches.groups.mean(1)?)?; // [groups, C]
    let entropies = entropy_of_logarithms(&logarithms)?;
    let weights = weights(&entropies)?.unsqueeze(D::Minus1)?;
    let joint = logarithms.broadcast_mul(&weights)?.mean(0)?; // [C]
    entropy_of_logarithms(&log_softmax(&joint)?)
}
