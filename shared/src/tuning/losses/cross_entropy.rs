//! The image against its trusted views (the notebook's section 10): the views give a
//! target, the image's prediction is moved towards it.
//!
//! Two quirks are the notebook's and kept. The image's *probabilities* are taken for
//! logits, so that the loss is a cross-entropy of a softmax of a softmax and its
//! gradient is small. And the target is not held still: where it is a function of the
//! views, they get a gradient too.

use candle_core::Tensor;

use crate::error::Result;
use crate::eval::highest_first;
use crate::ops::{log_softmax, softmax};
use crate::tuning::confidence::{kept_of, rows_of, select_confident};

/// How many classes `crossentropy_hard5` keeps.
pub(super) const HARD5: usize = 5;

/// `crossentropy_soft`: the target is the softmax of the views' mean logits.
pub(super) fn soft(logits: &Tensor, share: f64) -> Result<Tensor> {
    let target = softmax(&trusted_mean(logits, share)?)?;
    against(logits, &target)
}

/// `crossentropy_hard1`: the target is the class with the highest mean logit. If no view
/// is trusted it is class 0, as the notebook's mean of nothing has its highest there.
pub(super) fn hard1(logits: &Tensor, share: f64) -> Result<Tensor> {
    let class = match kept_of(others(logits)?.dims2()?.0, share) {
        0 => 0,
        _ => highest(&trusted_mean(logits, share)?, 1)?[0],
    };
    Ok(log_probabilities(logits)?
        .narrow(0, class, 1)?
        .sum_all()?
        .neg()?)
}

/// `crossentropy_hard5`: the target is the five highest mean logits divided by their
/// sum. They are logits, so that the target may hold negative numbers and those above 1:
/// a quirk of the notebook's, kept.
pub(super) fn hard5(logits: &Tensor, share: f64) -> Result<Tensor> {
    let mean = trusted_mean(logits, share)?;
    let classes = highest(&mean, HARD5)?;
    let classes: Vec<u32> = classes.iter().map(|class| *class as u32).collect();
    let classes = Tensor::new(classes, logits.device())?;
    let values = mean.index_select(&classes, 0)?;
    let target = values.broadcast_div(&values.sum_keepdim(0)?)?;
    let logarithms = log_probabilities(logits)?.index_select(&classes, 0)?;
    Ok((logarithms * target)?.sum_all()?.neg()?)
}

/// All views but the first, `[views - 1, C]`.
pub(super) fn others(logits: &Tensor) -> Result<Tensor> {
    let views = logits.dims2()?.0;
    Ok(logits.narrow(0, 1.min(views), views.saturating_sub(1))?)
}

/// Mean logits `[C]` of the trusted ones among the other views.
fn trusted_mean(logits: &Tensor, share: f64) -> Result<Tensor> {
    let others = others(logits)?;
    let trusted = select_confident(&others, share)?;
    Ok(rows_of(&others, &trusted)?.mean(0)?)
}

/// Cross-entropy of the image's prediction with `target [C]`.
fn against(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok((log_probabilities(logits)? * target)?.sum_all()?.neg()?)
}

/// The logarithms `[C]` that the cross-entropy sees: its input is already softmaxed.
fn log_probabilities(logits: &Tensor) -> Result<Tensor> {
    Ok(log_softmax(&softmax(&logits.get(0)?)?)?)
}

/// The indices of the `count` highest values, highest first; of equal ones the earlier.
/// PyTorch's `topk` promises no order of ties.
fn highest(values: &Tensor, count: usize) -> Result<Vec<usize>> {
    let values: Vec<f32> = values.detach().to_vec1()?;
    let mut order = highest_first(values.iter().copied());
    order.truncate(count);
    match order.len() == count {
        true => Ok(order),
        false => Err(crate::Error::setting(
            "the number of classes",
            values.len(),
            format!("{count} or more for crossentropy_hard5"),
        )),
    }
}
