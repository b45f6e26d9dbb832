//! How many prompts are encoded together in a step, so that their activations fit.

use crate::clip::Clip;

/// Values kept for each row in each block: the residual stream, both norms, the
/// queries, keys and values, the attention's output and the two feed-forward layers
/// with their gradients, in widths of the encoder.
const WIDTHS_PER_ROW: usize = 24;

/// Prompts of `rows` rows of the text encoder each (what they share is there once and
/// hardly counts) whose activations fit into `budget` bytes; at least 1.
pub fn prompts_at_once(clip: &Clip, rows: usize, budget: usize) -> usize {
    let tower = &clip.config.text.tower;
    let attention = 3 * tower.heads * rows;
    let values = tower.layers * rows * (WIDTHS_PER_ROW * tower.width + attention);
    (budget / (4 * values.max(1))).max(1)
}
