//! Gradients through many text features with the memory of a few (the chain rule,
//! part by part).

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use tracing::trace_span;

use super::targets::Answered;
use crate::error::Result;
use crate::parallel::inside;

/// A backward pass, as its own part of a step.
pub(super) fn backward(loss: &Tensor) -> Result<GradStore> {
    let _span = trace_span!("backward").entered();
    Ok(inside(loss.device(), || loss.backward())?)
}

/// The loss and its gradients, where the loss is a function of text features that come
/// in `parts`.
///
/// With one part this is a plain backward pass. With more, all features are computed
/// first without a graph, then the gradient of the loss in them; then each part is
/// computed once more and takes its share of that gradient further, so that only one
/// part's activations are in memory. `features` must give the same values each time.
pub(super) fn backward_by_parts(
    variables: &[Var],
    parts: usize,
    features: impl Fn(usize) -> Result<Tensor>,
    answer: impl FnOnce(&[Tensor]) -> Result<Answered>,
) -> Result<(Answered, GradStore)> {
    if parts <= 1 {
        let answered = answer(&[features(0)?])?;
        let gradients = backward(&answered.loss)?;
        return Ok((answered.detached(), gradients));
    }
    let values = (0..parts)
        .map(|part| Ok(Var::from_tensor(&features(part)?.detach())?))
        .collect::<Result<Vec<_>>>()?;
    let tensors: Vec<Tensor> = values
        .iter()
        .map(|value| value.as_tensor().clone())
        .collect();
    let answered = answer(&tensors)?;
    let mut gradients = backward(&answered.loss)?;
    // Without what it was computed from, which would take its place beside the parts'.
    let answered = answered.detached();
    for (part, value) in values.iter().enumerate() {
        let Some(gradient) = gradients.remove(value) else {
            continue;
        };
        let share = (features(part)? * gradient.detach())?.sum_all()?;
        let more = backward(&share)?;
        for variable in variables {
            let Some(added) = more.get(variable) else {
                continue;
            };
            let sum = match gradients.get(variable) {
                Some(so_far) => (so_far + added)?,
                None => added.clone(),
            };
            gradients.insert(variable, sum);
        }
    }
    Ok((answered, gradients))
}
