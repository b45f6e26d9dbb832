//! The token ids of one prompt.

use super::EndOfText;

/// Token ids from the start of text on, and where the end of text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    ids: Vec<u32>,
    end_of_text: usize,
}

impl TokenRow {
    /// Ids whose highest is the end of text; padding behind it may be there or not.
    pub fn new(ids: Vec<u32>) -> Self {
        Self::ending(ids, EndOfText::HighestId)
    }

    /// Ids whose end of text is found as `rule` says; the first slot if it is not
    /// there, as in the references.
    pub fn ending(ids: Vec<u32>, rule: EndOfText) -> Self {
        let end = match rule {
            EndOfText::HighestId => ids.iter().copied().max().unwrap_or(0),
            EndOfText::Id(id) => id,
        };
        let end_of_text = ids.iter().position(|&id| id == end).unwrap_or(0);
        Self { ids, end_of_text }
    }

    /// The slot of the end of text.
    pub fn end_of_text(&self) -> usize {
        self.end_of_text
    }

    /// The ids from the start of text to its end.
    pub fn up_to_end(&self) -> &[u32] {
        let length = (self.end_of_text + 1).min(self.ids.len());
        &self.ids[..length]
    }

    /// Exactly `length` ids, cut or padded with zeros.
    pub fn padded(&self, length: usize) -> impl Iterator<Item = u32> + '_ {
        let padding = length.saturating_sub(self.ids.len());
        let ids = self.ids.iter().copied().take(length);
        ids.chain(std::iter::repeat_n(0, padding))
    }
}
