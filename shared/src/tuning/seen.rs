//! What views say, as plain values.

use candle_core::Tensor;

use super::confidence::entropy;
use super::{SeenView, TuningSettings};
use crate::error::Result;
use crate::ops::softmax;

/// What each view says with `logits [views, n_classes]`, and whether it counts in the
/// loss.
pub(super) fn seen(logits: &Tensor, settings: &TuningSettings) -> Result<Vec<SeenView>> {
    let TuningSettings {
        loss,
        layout,
        selection,
        ..
    } = *settings;
    let selected = loss.selected(logits, layout, selection)?;
    let entropies: Vec<f32> = entropy(logits)?.to_vec1()?;
    let probabilities: Vec<Vec<f32>> = softmax(logits)?.to_vec2()?;
    let views = probabilities.iter().zip(entropies).enumerate();
    let views = views.map(|(at, (row, entropy))| {
        let (class, confidence) = highest(row);
        SeenView {
            class,
            confidence,
            entropy,
            is_selected: selected.binary_search(&at).is_ok(),
        }
    });
    Ok(views.collect())
}

/// The place and the value of the highest, of equal ones the first.
fn highest(values: &[f32]) -> (usize, f32) {
    let values = values.iter().copied().enumerate();
    values.fold((0, f32::NEG_INFINITY), |best, (at, value)| {
        if value > best.1 { (at, value) } else { best }
    })
}

/// Euclidean.
pub(super) fn distance((from, to): (&Vec<f32>, &Vec<f32>)) -> f32 {
    let squares = from.iter().zip(to).map(|(from, to)| (from - to).powi(2));
    squares.sum::<f32>().sqrt()
}
