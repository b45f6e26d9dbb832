//! CLIP's byte-pair encoding, for the full vocabulary and for cut ones.

use std::io::Cursor;

use instant_clip_tokenizer::{Token, Tokenizer as BytePairEncoding};

use crate::error::{Error, Result};

/// OpenAI's merge rules, most frequent first (openai/CLIP
/// `bpe_simple_vocab_16e6.txt`, the 48 894 lines that CLIP uses).
const MERGES: &str = include_str!("../../../static/vocabulary/merges.txt");

/// Bytes and bytes at a word's end: ids that need no merge rule.
const BYTES: usize = 512;
/// Start of text and end of text, the two highest ids.
const SPECIAL: usize = 2;

/// Text → token ids.
pub struct Tokenizer {
    encoding: BytePairEncoding,
}

impl Tokenizer {
    /// The tokenizer of a model with `vocabulary` rows in its token embedding:
    /// 49 408 is CLIP's own; a smaller one keeps the most frequent merges, so
    /// every text can still be encoded, in more tokens.
    ///
    /// # Errors
    /// [`Error::Setting`] below 515 rows or above CLIP's 49 408.
    pub fn new(vocabulary: usize) -> Result<Self> {
        let largest = BYTES + SPECIAL + MERGES.lines().count() - 1;
        let size = u16::try_from(vocabulary)
            .ok()
            .filter(|_| (BYTES + SPECIAL + 1..=largest).contains(&vocabulary))
            .ok_or_else(|| {
                let expected = format!("between {} and {largest}", BYTES + SPECIAL + 1);
                Error::setting("the vocabulary", vocabulary, expected)
            })?;
        let encoding = BytePairEncoding::with_vocabulary(Cursor::new(MERGES), size)
            .map_err(|error| Error::format("the vocabulary", error))?;
        Ok(Self { encoding })
    }

    /// The id that starts every prompt.
    pub fn start_of_text(&self) -> u32 {
        self.encoding.start_of_text().to_u16().into()
    }

    /// The id that ends every prompt.
    pub fn end_of_text(&self) -> u32 {
        self.encoding.end_of_text().to_u16().into()
    }

    /// Token ids of `text` alone, without start and end.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let clean = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut tokens = Vec::new();
        self.encoding.encode(&clean, &mut tokens);
        tokens
            .into_iter()
            .map(|token: Token| token.to_u16().into())
            .collect()
    }

    /// Start of text, `text`, end of text.
    ///
    /// # Errors
    /// [`Error::TextTooLong`] if that is more than `context_length` ids.
    pub fn row(&self, text: &str, context_length: usize) -> Result<TokenRow> {
        let mut ids = vec![self.start_of_text()];
        ids.extend(self.encode(text));
        ids.push(self.end_of_text());
        if ids.len() > context_length {
            return Err(Error::TextTooLong {
                text: text.into(),
                got: ids.len(),
                context_length,
            });
        }
        Ok(TokenRow::new(ids))
    }
}

/// The token ids of one prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    ids: Vec<u32>,
    end_of_text: usize,
}

impl TokenRow {
    /// Ids from start of text on; padding behind the end may be there or not.
    pub fn new(ids: Vec<u32>) -> Self {
        let highest = ids.iter().copied().max().unwrap_or(0);
        let end_of_text = ids.iter().position(|&id| id == highest).unwrap_or(0);
        Self { ids, end_of_text }
    }

    /// The slot of the end of text: the first one with the highest id.
    pub fn end_of_text(&self) -> usize {
        self.end_of_text
    }

    /// Exactly `length` ids, cut or padded with zeros.
    pub fn padded(&self, length: usize) -> impl Iterator<Item = u32> + '_ {
        let padding = length.saturating_sub(self.ids.len());
        let ids = self.ids.iter().copied().take(length);
        ids.chain(std::iter::repeat_n(0, padding))
    }
}

#[cfg(test)]
mod tests {
    use super::Tokenizer;

    #[test]
    fn full_and_cut_vocabularies_put_the_special_ids_last() {
        for vocabulary in [49408, 2048] {
            let tokenizer = Tokenizer::new(vocabulary).unwrap();
            assert_eq!(tokenizer.start_of_text() as usize, vocabulary - 2);
            assert_eq!(tokenizer.end_of_text() as usize, vocabulary - 1);
        }
    }

    #[test]
    fn encodes_as_clip_does() {
        let tokenizer = Tokenizer::new(49408).unwrap();
        assert_eq!(tokenizer.encode("great white shark"), [830, 1579, 7980]);
        assert_eq!(tokenizer.row("tench", 77).unwrap().end_of_text(), 3);
        assert!(tokenizer.row("tench", 3).is_err());
        assert!(Tokenizer::new(300).is_err() && Tokenizer::new(60_000).is_err());
    }
}
