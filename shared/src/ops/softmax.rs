//! Softmax over the last dimension and the losses made of it, composed of
//! operations that differentiate.

use candle_core::{D, Result, Tensor};

/// `x [.., C]` → probabilities `[.., C]`.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    let exponentials = x
        .broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?
        .exp()?;
    exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)
}

/// `x [.., C]` → log-probabilities `[.., C]`.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    shifted.broadcast_sub(&log_sum)
}

/// Mean cross-entropy in nats: `logits [B, C]`, `labels [B]` (u32) → scalar.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    log_softmax(logits)?
        .gather(&labels.unsqueeze(1)?, 1)?
        .mean_all()?
        .neg()
}
