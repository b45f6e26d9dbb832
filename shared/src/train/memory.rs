//! How many prompts are encoded together in a step, so that their activations fit.

use candle_core::DType;

use crate::clip::Clip;

/// Values kept for each row in each block, in widths of the encoder: the residual stream
/// before and behind the attention, the queries, keys and values, and what the activation
/// takes, which is four wide; and as many as that takes of a last block.
const WIDTHS_PER_ROW: usize = 10;

/// The same where operations are differentiated one by one: both norms, both sides of each
/// layer and their gradients.
const WIDTHS_PER_ROW_COMPOSED: usize = 24;

/// Prompts of `rows` rows of the text encoder each (what they share is there once and
/// hardly counts) whose activations fit into `budget` bytes; at least 1.
pub fn prompts_at_once(clip: &Clip, rows: usize, budget: usize) -> usize {
    let tower = &clip.config.text.tower;
    let scale = &clip.log_logit_scale;
    let row = match scale.device().is_cpu() && scale.dtype() == DType::F32 {
        true => WIDTHS_PER_ROW * tower.width,
        false => WIDTHS_PER_ROW_COMPOSED * tower.width + 3 * tower.heads * rows,
    };
    let values = tower.layers * rows * row;
    (budget / (4 * values.max(1))).max(1)
}
