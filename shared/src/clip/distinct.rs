//! Token ids without repetition: the rows of a table of embeddings.

use std::collections::BTreeSet;

/// Different token ids, in order.
pub(crate) struct DistinctTokens(Vec<u32>);

impl DistinctTokens {
    /// Those of `ids`.
    pub fn of(ids: impl IntoIterator<Item = u32>) -> Self {
        let distinct: BTreeSet<u32> = ids.into_iter().collect();
        Self(distinct.into_iter().collect())
    }

    pub fn ids(&self) -> &[u32] {
        &self.0
    }

    /// Where `id`, one of them, stands among them.
    pub fn place(&self, id: u32) -> usize {
        self.0.partition_point(|&other| other < id)
    }
}
