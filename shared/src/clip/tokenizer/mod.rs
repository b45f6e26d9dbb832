//! CLIP's byte-pair encoding, for the full vocabulary and for cut ones.
//!
//! `instant-clip-tokenizer` merges the pairs. The clean-up in front of it and
//! the special tokens inside a text, which it spells in a way of its own, are
//! done here as in openai/CLIP `simple_tokenizer.py`.

mod badness;
mod characters;
mod clean;
mod code_pages;
mod entities;
mod mojibake;
mod vocabulary;
mod words;

pub use clean::clean;

use std::io::Cursor;

use instant_clip_tokenizer::{Token, Tokenizer as BytePairEncoding};

use super::TokenRow;
use crate::error::{Error, Result};
use words::{END_OF_TEXT, LONG_S_ENDING, START_OF_TEXT, words};

/// OpenAI's merge rules, most frequent first (openai/CLIP
/// `bpe_simple_vocab_16e6.txt`, the 48 894 lines that CLIP uses).
const MERGES: &str = include_str!("../../../../static/vocabulary/merges.txt");

/// Bytes and bytes at a word's end: ids that need no merge rule.
const BYTES: usize = 512;
/// Start of text and end of text, the two highest ids.
const SPECIAL: usize = 2;

/// Text ↔ token ids.
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

    /// Token ids of `text` alone, without start and end. The text is cleaned
    /// first ([`clean`]); special tokens written out in it become their ids.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        for word in words(&clean(text)) {
            match word {
                START_OF_TEXT => tokens.push(self.encoding.start_of_text()),
                END_OF_TEXT => tokens.push(self.encoding.end_of_text()),
                LONG_S_ENDING => self.long_s_ending(&mut tokens),
                _ => self.encoding.encode(word, &mut tokens),
            }
        }
        let id = |token: Token| token.to_u16().into();
        tokens.into_iter().map(id).collect()
    }

    /// The library takes `'ſ` for two words: the apostrophe's id is that of one at
    /// a word's end, half of [`BYTES`] too high.
    fn long_s_ending(&self, tokens: &mut Vec<Token>) {
        let apostrophe = tokens.len();
        self.encoding.encode(LONG_S_ENDING, tokens);
        let inside = tokens[apostrophe].to_u16() - BYTES as u16 / 2;
        if let Some(inside) = Token::from_u16(inside, &self.encoding) {
            tokens[apostrophe] = inside;
        }
    }

    /// The text of token ids: a blank behind each word, U+FFFD for bytes that
    /// are no UTF-8, special tokens written out.
    ///
    /// # Errors
    /// [`Error::Setting`] for an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let token = |id: u32| {
            let token = u16::try_from(id).ok();
            let token = token.and_then(|id| Token::from_u16(id, &self.encoding));
            token.ok_or_else(|| {
                let expected = format!("an id up to {}", self.end_of_text());
                Error::setting("a token id", id, expected)
            })
        };
        let special = |id: &u32| *id == self.start_of_text() || *id == self.end_of_text();
        let mut text = String::new();
        for ids in ids.chunk_by(|a, b| !special(a) && !special(b)) {
            match ids {
                [id] if *id == self.start_of_text() => text.push_str(START_OF_TEXT),
                [id] if *id == self.end_of_text() => text.push_str(END_OF_TEXT),
                _ => {
                    let tokens = ids
                        .iter()
                        .map(|id| token(*id))
                        .collect::<Result<Vec<_>>>()?;
                    text.push_str(&self.encoding.decode(tokens));
                }
            }
        }
        Ok(text)
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
