//! How sure predictions are, and which of them are trusted
//! (azshue/TPT `tpt_classification.py`: `select_confident_samples`, `avg_entropy`).

use candle_core::shape::Dim;
use candle_core::{D, Tensor};

use crate::error::{Error, Result};
use crate::eval::lowest_first;
use crate::ops::{log_softmax, softmax};

/// Entropy of each prediction, in nats: logits `[N, C]` → `[N]`.
pub fn entropy(logits: &Tensor) -> Result<Tensor> {
    Ok((softmax(logits)? * log_softmax(logits)?)?
        .sum(D::Minus1)?
        .neg()?)
}

/// Logarithm of the mean of the predictions: logits `[N, C]` → `[C]`. The mean is that of
/// probabilities; it is taken of their logarithms so that small ones do not vanish.
///
/// Logits less the logarithm of their sum: of a sure prediction this order leaves a few
/// millionths of rounding, which the patches' weights (an inverse entropy) show. It is
/// the reference's and kept.
pub fn mean_log_distribution(logits: &Tensor) -> Result<Tensor> {
    let views = logits.dims2()?.0;
    let logarithms = logits.broadcast_sub(&log_sum_exp(logits, D::Minus1)?)?;
    let mean = (log_sum_exp(&logarithms, 0)? - (views as f64).ln())?;
    Ok(mean.squeeze(0)?)
}

/// Logarithm of the sum of exponentials over a dimension, which stays with one place.
fn log_sum_exp(x: &Tensor, dim: impl Dim + Copy) -> Result<Tensor> {
    let highest = x.max_keepdim(dim)?.detach();
    let sum = x.broadcast_sub(&highest)?.exp()?.sum_keepdim(dim)?;
    Ok((sum.log()? + highest)?)
}

/// Entropy of the mean of the predictions, in nats: logits `[N, C]` → scalar.
pub fn entropy_of_mean(logits: &Tensor) -> Result<Tensor> {
    entropy_of_logarithms(&mean_log_distribution(logits)?)
}

/// Entropy of distributions given as logarithms: `[.., C]` → `[..]`.
pub(super) fn entropy_of_logarithms(logarithms: &Tensor) -> Result<Tensor> {
    Ok((logarithms * logarithms.exp()?)?.sum(D::Minus1)?.neg()?)
}

/// How many of `count` predictions a share of them is: the fraction is cut off.
pub fn kept_of(count: usize, share: f64) -> usize {
    // The cast takes what is below zero, or no number, for 0.
    ((count as f64 * share) as usize).min(count)
}

/// The indices of the `kept` lowest entropies, lowest first. Of equal ones the earlier
/// comes first: PyTorch's `argsort(stable=True)`. (Its default promises no order of
/// ties, and on some processors takes others than the first.)
pub fn most_confident(entropies: &[f32], kept: usize) -> Vec<usize> {
    let mut order = lowest_first(entropies.iter().copied());
    order.truncate(kept);
    order
}

/// The indices of the most confident `share` of the predictions `logits [N, C]`, as
/// [`most_confident`] orders them.
///
/// # Errors
/// [`Error::Setting`] if the share keeps none.
pub fn select_confident(logits: &Tensor, share: f64) -> Result<Vec<usize>> {
    let (count, _) = logits.dims2()?;
    let kept = kept_of(count, share);
    if kept == 0 {
        return Err(keeps_none(share, count));
    }
    let entropies = entropy(&logits.detach())?.to_vec1()?;
    Ok(most_confident(&entropies, kept))
}

/// The error of a share that keeps none of `count` views.
pub(super) fn keeps_none(share: f64, count: usize) -> Error {
    Error::setting(
        "the share of trusted views",
        format!("{share} of {count} views, which keeps none"),
        format!(
            "a share that keeps one or more, from {:.3} on",
            1.0 / count.max(1) as f64
        ),
    )
}

/// Some rows of a matrix, differentiably: `[N, C]` → `[rows, C]`.
pub(super) fn rows_of(matrix: &Tensor, rows: &[usize]) -> Result<Tensor> {
    let rows: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
    let rows = Tensor::new(rows, matrix.device())?;
    Ok(matrix.index_select(&rows, 0)?)
}
