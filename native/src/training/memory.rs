//! How many prompts are encoded together in a step, so that their activations fit.

use clipwright_shared::clip::Clip;

/// Bytes that the activations of a step's prompts may take.
const BUDGET_BYTES: usize = 4 << 30;

/// Prompts of `rows` rows each whose activations fit the budget.
pub(super) fn prompts_at_once(clip: &Clip, rows: usize) -> usize {
    clipwright_shared::train::prompts_at_once(clip, rows, BUDGET_BYTES)
}
