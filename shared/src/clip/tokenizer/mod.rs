//! CLIP's byte-pair encoding, for the full vocabulary and for cut ones (openai/CLIP
//! `simple_tokenizer.py`): a text is cleaned, split into words, and the bytes of each
//! word are joined to pieces of the vocabulary.

mod badness;
mod byte_pairs;
mod categories;
mod characters;
mod clean;
mod code_pages;
mod entities;
mod merges;
mod mojibake;
mod vocabulary;
mod words;

pub use clean::clean;
pub use merges::supply_merges;

use super::TokenRow;
use crate::error::{Error, Result};
use byte_pairs::{BYTES, BytePairs, WORD_END};
use words::{END_OF_TEXT, START_OF_TEXT, words};

/// Start of text and end of text, the two highest ids.
const SPECIAL: usize = 2;

/// How many merge rules a vocabulary has.
fn rules(vocabulary: usize) -> usize {
    vocabulary.saturating_sub(BYTES + SPECIAL)
}

/// Text ↔ token ids.
pub struct Tokenizer {
    pairs: BytePairs,
}

impl Tokenizer {
    /// Ids of the largest vocabulary that needs no [`supply_merges`].
    pub const INCLUDED: usize = merges::INCLUDED;

    /// The tokenizer of a model with `vocabulary` rows in its token embedding:
    /// 49 408 is CLIP's own; a smaller one keeps the most frequent merges, so
    /// every text can still be encoded, in more tokens.
    ///
    /// # Errors
    /// [`Error::Setting`] below 515 rows or above CLIP's 49 408;
    /// [`Error::NoVocabulary`] if its merge rules are not here yet.
    pub fn new(vocabulary: usize) -> Result<Self> {
        let merges = Self::merges(vocabulary)?;
        let pairs = BytePairs::read(merges, rules(vocabulary))?;
        Ok(Self { pairs })
    }

    /// Whether [`new`](Self::new) would do, told in no time.
    ///
    /// # Errors
    /// As it.
    pub fn check(vocabulary: usize) -> Result<()> {
        Self::merges(vocabulary).map(|_| ())
    }

    fn merges(vocabulary: usize) -> Result<&'static str> {
        let smallest = BYTES + SPECIAL + 1;
        if !(smallest..=merges::WHOLE).contains(&vocabulary) {
            let expected = format!("between {smallest} and {}", merges::WHOLE);
            return Err(Error::setting("the vocabulary", vocabulary, expected));
        }
        merges::merges(vocabulary)
    }

    /// The id that starts every prompt.
    pub fn start_of_text(&self) -> u32 {
        self.pairs.len() as u32
    }

    /// The id that ends every prompt.
    pub fn end_of_text(&self) -> u32 {
        self.start_of_text() + 1
    }

    /// Token ids of `text` alone, without start and end. The text is cleaned
    /// first ([`clean`]); special tokens written out in it become their ids.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        for word in words(&clean(text)) {
            match word {
                START_OF_TEXT => ids.push(self.start_of_text()),
                END_OF_TEXT => ids.push(self.end_of_text()),
                _ => self.pairs.encode(word, &mut ids),
            }
        }
        ids
    }

    /// The text of token ids: a blank behind each word, U+FFFD for bytes that
    /// are no UTF-8, special tokens written out.
    ///
    /// # Errors
    /// [`Error::Setting`] for an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let mut bytes = Vec::new();
        for &id in ids {
            match id.checked_sub(self.start_of_text()) {
                None => {
                    for byte in self.pairs.bytes_of(id as usize) {
                        bytes.push(byte.byte);
                        if byte.ends_word {
                            bytes.extend(WORD_END.as_bytes());
                        }
                    }
                }
                Some(0) => bytes.extend(START_OF_TEXT.as_bytes()),
                Some(1) => bytes.extend(END_OF_TEXT.as_bytes()),
                Some(_) => {
                    let expected = format!("an id up to {}", self.end_of_text());
                    return Err(Error::setting("a token id", id, expected));
                }
            }
        }
        Ok(String::from_utf8_lossy(&bytes).replace(WORD_END, " "))
    }

    /// Start of text, `text`, end of text (openai/CLIP `tokenize`).
    ///
    /// # Errors
    /// [`Error::TextTooLong`] if that is more than `context_length` ids.
    pub fn row(&self, text: &str, context_length: usize) -> Result<TokenRow> {
        let ids = self.whole_row(text);
        if ids.len() > context_length {
            return Err(Error::TextTooLong {
                text: text.into(),
                got: ids.len(),
                context_length,
            });
        }
        Ok(TokenRow::new(ids))
    }

    /// As [`row`](Self::row), but a text that is too long is cut, and its last id
    /// is the end of text (openai/CLIP `tokenize` with `truncate`).
    pub fn truncated_row(&self, text: &str, context_length: usize) -> TokenRow {
        let mut ids = self.whole_row(text);
        if ids.len() > context_length {
            ids.truncate(context_length.saturating_sub(1));
            ids.push(self.end_of_text());
        }
        TokenRow::new(ids)
    }

    fn whole_row(&self, text: &str) -> Vec<u32> {
        let mut ids = vec![self.start_of_text()];
        ids.extend(self.encode(text));
        ids.push(self.end_of_text());
        ids
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
        assert!(Tokenizer::new(300).is_err() && Tokenizer::new(60_000).is_err());
    }

    #[test]
    fn cut_vocabularies_read_what_they_write() {
        for vocabulary in [49408, 2048, 515] {
            let tokenizer = Tokenizer::new(vocabulary).unwrap();
            for text in [
                "great white shark",
                "naïve 猫 🐈!",
                "<|startoftext|>a<|endoftext|>",
            ] {
                let ids = tokenizer.encode(text);
                assert!(ids.iter().all(|id| (*id as usize) < vocabulary));
                let back = tokenizer.decode(&ids).unwrap();
                let letters = |text: &str| text.replace(' ', "");
                assert_eq!(letters(&back), letters(text), "{vocabulary} ids");
            }
            assert!(tokenizer.decode(&[vocabulary as u32]).is_err());
        }
    }
}
