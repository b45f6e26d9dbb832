//! The image against what its patches say (the notebook's group 1). What they say is
//! counted, not differentiated: only the image's own logits get a gradient.

use candle_core::Tensor;

use super::patches::{EPSILON, Patches};
use crate::error::{Error, Result};
use crate::ops::{log_softmax, softmax};
use crate::tuning::confidence::entropy_of_mean;

/// `patch_loss1`: cross-entropy with the share of weight that the patches give each
/// class. Without patches it is 0 and so is its gradient.
pub(super) fn with_distribution(patches: &Patches, share: f64) -> Result<Tensor> {
    let votes = votes(patches, share)?;
    let total: f64 = votes.iter().map(|(_, weight)| weight).sum();
    let image = patches.image()?;
    let mut target = vec![0f32; image.dims1()?];
    for (class, weight) in votes {
        target[class] = (weight / total) as f32;
    }
    let target = Tensor::new(target, image.device())?;
    Ok((log_softmax(&image)? * target)?.sum_all()?.neg()?)
}

/// `patch_loss2`: cross-entropy with the class of most weight; of equal ones the class
/// that an earlier patch named.
pub(super) fn with_class(patches: &Patches, share: f64) -> Result<Tensor> {
    let mut most: Option<(usize, f64)> = None;
    for (class, weight) in votes(patches, share)? {
        if most.is_none_or(|(_, heaviest)| weight > heaviest) {
            most = Some((class, weight));
        }
    }
    let Some((class, _)) = most else {
        return Err(Error::setting(
            "the number of patches",
            0,
            "1 or more for patch_loss2",
        ));
    };
    let logarithms = log_softmax(&patches.image()?)?;
    Ok(logarithms.narrow(0, class, 1)?.sum_all()?.neg()?)
}

/// Each class that a patch names with the weight of all patches that name it, in the
/// order of first mention. A patch weighs the inverse of its entropy.
fn votes(patches: &Patches, share: f64) -> Result<Vec<(usize, f64)>> {
    let mut votes: Vec<(usize, f64)> = Vec::new();
    for logits in patches.trusted_logits(share)?.iter().skip(1) {
        let logits = logits.detach();
        let entropy: f32 = entropy_of_mean(&logits)?.to_scalar()?;
        let weight = f64::from(1.0 / (entropy + EPSILON as f32));
        let class = most_frequent_class(&logits)?;
        match votes.iter_mut().find(|(named, _)| *named == class) {
            Some((_, so_far)) => *so_far += weight,
            None => votes.push((class, weight)),
        }
    }
    Ok(votes)
}

/// The class that most views `logits [views, C]` name; of equally frequent ones the
/// lowest (PyTorch's `mode`).
fn most_frequent_class(logits: &Tensor) -> Result<usize> {
    let probabilities: Vec<Vec<f32>> = softmax(logits)?.to_vec2()?;
    let mut counts = vec![0usize; logits.dims2()?.1];
    for row in &probabilities {
        counts[first_highest(row)] += 1;
    }
    Ok(first_highest(&counts))
}

/// The place of the highest value; of equal ones the first.
fn first_highest<T: PartialOrd>(values: &[T]) -> usize {
    let mut highest = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[highest] {
            highest = at;
        }
    }
    highest
}
