//! How many prompts are encoded together in a step, so that their activations fit.

use clipwright_shared::clip::Clip;

/// Bytes that the activations of a step's prompts may take.
const BUDGET_BYTES: usize = 4 << 30;

/// Values kept for each token in each block: the residual stream, both norms, the
/// queries, keys and values, the attention's output and the two feed-forward layers
/// with their gradients, in widths of the encoder.
const WIDTHS_PER_TOKEN: usize = 24;

/// Prompts of `length` tokens whose activations fit the budget.
pub(super) fn prompts_at_once(clip: &Clip, length: usize) -> usize {
    let tower = &clip.config.text.tower;
    let attention = 3 * tower.heads * length;
    let values = tower.layers * length * (WIDTHS_PER_TOKEN * tower.width + attention);
    (BUDGET_BYTES / (4 * values.max(1))).max(1)
}
