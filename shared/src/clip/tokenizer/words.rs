//! How CLIP splits a clean text before it looks for pairs of bytes to merge.

use std::iter;

use super::categories::{is_letter, is_number};

/// Spellings of the special tokens inside a text.
pub const START_OF_TEXT: &str = "<|startoftext|>";
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// Words of their own wherever they begin. The reference looks for English endings in
/// letters of any case, and so takes the long s for an s.
const FIXED: [&str; 10] = [
    START_OF_TEXT,
    END_OF_TEXT,
    "'s",
    "'ſ",
    "'t",
    "'re",
    "'ve",
    "'m",
    "'ll",
    "'d",
];

/// An iota to a pattern for letters of any case, and no letter to the one for letters:
/// the reference loses it.
const YPOGEGRAMMENI: char = '\u{345}';

/// The words of a clean text, in order: special tokens; English endings; letters; one
/// digit; anything else but white space (openai/CLIP `simple_tokenizer.py`,
/// `self.pat`).
pub fn words(clean: &str) -> impl Iterator<Item = &str> {
    let mut rest = clean;
    iter::from_fn(move || {
        rest = rest.trim_start_matches(is_lost);
        let (word, after) = rest.split_at(length(rest)?);
        rest = after;
        Some(word)
    })
}

/// The length of the word that `rest` begins with; none at the end.
fn length(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if let Some(fixed) = FIXED.iter().find(|fixed| rest.starts_with(**fixed)) {
        return Some(fixed.len());
    }
    if is_number(first) {
        return Some(first.len_utf8());
    }
    let ends = match is_letter(first) {
        true => rest.find(|character| !is_letter(character)),
        false => rest
            .find(|character| is_lost(character) || is_letter(character) || is_number(character)),
    };
    Some(ends.unwrap_or(rest.len()))
}

fn is_lost(character: char) -> bool {
    character.is_whitespace() || character == YPOGEGRAMMENI
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_text_is_split_as_the_reference_splits_it() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("  \u{345} ", &[]),
            ("a dog's 42 ears", &["a", "dog", "'s", "4", "2", "ears"]),
            (
                "we'll they'd 'twas",
                &["we", "'ll", "they", "'d", "'t", "was"],
            ),
            ("it'ſ", &["it", "'ſ"]),
            // Punctuation goes together, an apostrophe at its end included.
            ("!!'s ...", &["!!'", "s", "..."]),
            (
                "<|startoftext|>a<|endoftext|>",
                &["<|startoftext|>", "a", "<|endoftext|>"],
            ),
            ("x<|startoftext|", &["x", "<|", "startoftext", "|"]),
            ("猫½٣🐈ᾳ\u{345}b", &["猫", "½", "٣", "🐈", "ᾳ", "b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
