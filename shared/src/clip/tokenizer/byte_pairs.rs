//! Byte-pair encoding: neighbours in a word that become one piece, the most frequent
//! ones first (openai/CLIP `simple_tokenizer.py`: `bpe`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::iter;

use crate::error::{Error, Result};

/// Bytes, and bytes at a word's end: pieces that no rule makes.
pub const BYTES: usize = 512;
/// From a byte's id to that of the same byte at a word's end.
const AT_THE_END: u16 = 256;

/// Ends the spelling of a piece that ends a word.
pub const WORD_END: &str = "</w>";

/// The letters that the 256 bytes are written as, in the order of their ids: those
/// that can be seen as themselves, then the others as letters from U+0100 on
/// (`bytes_to_unicode`).
pub fn byte_letters() -> impl Iterator<Item = (u8, char)> {
    let seen = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..);
    let others = (0..=u8::MAX).filter(move |byte| !seen(byte));
    (0..=u8::MAX)
        .filter(seen)
        .map(|byte| (byte, char::from(byte)))
        .chain(others.zip('\u{100}'..))
}

/// A piece that a byte is, within a word or at its end.
pub struct Byte {
    pub byte: u8,
    pub letter: char,
    pub ends_word: bool,
}

/// The rules, as ids: those below [`BYTES`] are bytes, the others what the rules make,
/// in their order.
pub struct BytePairs {
    bytes: Vec<(u8, char)>,
    /// The id of a byte within a word.
    ids: [u16; 256],
    /// What each rule makes one of.
    parts: Vec<(u16, u16)>,
    /// The piece that two neighbours make.
    made: HashMap<(u16, u16), u16>,
}

impl BytePairs {
    /// The first `count` rules of `merges`: a line that says what the file is, then one
    /// for each rule, two pieces with a blank between.
    ///
    /// # Errors
    /// [`Error::Format`] if a line is missing, or is no rule.
    pub fn read(merges: &str, count: usize) -> Result<Self> {
        let bytes: Vec<(u8, char)> = byte_letters().collect();
        let mut ids = [0; 256];
        let mut known = HashMap::with_capacity(BYTES + count);
        for (id, (byte, letter)) in (0u16..).zip(&bytes) {
            ids[usize::from(*byte)] = id;
            known.insert(letter.to_string(), id);
            known.insert(format!("{letter}{WORD_END}"), id + AT_THE_END);
        }
        let mut parts = Vec::with_capacity(count);
        let mut made = HashMap::with_capacity(count);
        let rules = merges.lines().enumerate().skip(1).take(count);
        for (id, (number, rule)) in (BYTES as u16..).zip(rules) {
            let pair = rule.split_once(' ').and_then(|(left, right)| {
                let pair = (*known.get(left)?, *known.get(right)?);
                Some((pair, [left, right].concat()))
            });
            let (pair, spelling) = pair.ok_or_else(|| {
                let reason = format!("line {} is {rule:?}; expected two pieces", number + 1);
                Error::format("the vocabulary", reason)
            })?;
            parts.push(pair);
            made.insert(pair, id);
            known.insert(spelling, id);
        }
        if parts.len() < count {
            let reason = format!("it has {} rules; expected {count}", parts.len());
            return Err(Error::format("the vocabulary", reason));
        }
        Ok(Self {
            bytes,
            ids,
            parts,
            made,
        })
    }

    /// How many pieces there are.
    pub fn len(&self) -> usize {
        BYTES + self.parts.len()
    }

    /// Appends the ids of a word. Of the neighbours that make a piece, those of the
    /// first rule are joined first, from the left, until none do.
    pub fn encode(&self, word: &str, ids: &mut Vec<u32>) {
        let mut pieces: Vec<Option<u16>> = word
            .bytes()
            .map(|byte| Some(self.ids[usize::from(byte)]))
            .collect();
        if let Some(Some(last)) = pieces.last_mut() {
            *last += AT_THE_END;
        }
        // Where the neighbours of a piece stand that are left.
        let count = pieces.len();
        let mut before: Vec<usize> = (0..count).map(|at| at.wrapping_sub(1)).collect();
        let mut after: Vec<usize> = (1..=count).collect();
        let make = |pieces: &[Option<u16>], left: usize, right: usize| {
            let pair = (*pieces.get(left)?, *pieces.get(right)?);
            let piece = self.made.get(&(pair.0?, pair.1?))?;
            Some(Reverse((*piece, left, right)))
        };
        let mut next: BinaryHeap<_> = (1..count)
            .filter_map(|right| make(&pieces, right - 1, right))
            .collect();
        while let Some(Reverse((piece, left, right))) = next.pop() {
            // One of the two may have become part of another piece since.
            if make(&pieces, left, right) != Some(Reverse((piece, left, right))) {
                continue;
            }
            pieces[left] = Some(piece);
            pieces[right] = None;
            after[left] = after[right];
            if let Some(before) = before.get_mut(after[left]) {
                *before = left;
            }
            next.extend(make(&pieces, before[left], left));
            next.extend(make(&pieces, left, after[left]));
        }
        ids.extend(pieces.into_iter().flatten().map(u32::from));
    }

    /// The bytes that a piece is made of, from the left; none of an id beyond
    /// [`len`](Self::len).
    pub fn bytes_of(&self, id: usize) -> impl Iterator<Item = Byte> {
        let mut waiting = vec![id];
        iter::from_fn(move || {
            loop {
                let id = waiting.pop()?;
                if let Some((left, right)) = id.checked_sub(BYTES).and_then(|at| self.parts.get(at))
                {
                    waiting.extend([usize::from(*right), usize::from(*left)]);
                    continue;
                }
                let (byte, letter) = *self.bytes.get(id % usize::from(AT_THE_END))?;
                return (id < BYTES).then_some(Byte {
                    byte,
                    letter,
                    ends_word: id >= usize::from(AT_THE_END),
                });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "#version\na a\nb c</w>\na b\naa a\n";

    fn encode(word: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        BytePairs::read(RULES, 4).unwrap().encode(word, &mut ids);
        ids
    }

    #[test]
    fn neighbours_are_joined_by_rule_and_from_the_left() {
        let a = u32::from(b'a' - b'!');
        let end = u32::from(AT_THE_END);
        for (word, ids) in [
            ("", vec![]),
            ("a", vec![a + end]),
            // The last byte is another piece than those within.
            ("aa", vec![a, a + end]),
            ("aaa", vec![512, a + end]),
            ("aaaa", vec![515, a + end]),
            ("aaaaab", vec![512, 515, a + 1 + end]),
            ("abc", vec![a, 513]),
            ("abcb", vec![514, a + 2, a + 1 + end]),
        ] {
            assert_eq!(encode(word), ids, "{word}");
        }
    }

    #[test]
    fn a_long_word_takes_no_longer_than_its_length() {
        let word = "a".repeat(1_000_000);
        assert_eq!(encode(&word).len(), 500_000);
    }

    #[test]
    fn rules_that_are_none_are_named() {
        for (merges, reason) in [
            ("", "it has 0 rules; expected 4"),
            ("#version\na a\n", "it has 1 rules; expected 4"),
            ("#version\naa\n", "line 2 is \"aa\"; expected two pieces"),
            ("#version\na xyz\n", "line 2 is \"a xyz\""),
        ] {
            let error = BytePairs::read(merges, 4).err().unwrap().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn every_byte_has_a_letter_of_its_own() {
        let letters: Vec<(u8, char)> = byte_letters().collect();
        assert_eq!(letters.len(), 256);
        // From the reference.
        for (id, pair) in [
            (0, (b'!', '!')),
            (94, (0xa1, '¡')),
            (188, (0, 'Ā')),
            (221, (0x7f, 'ġ')),
            (255, (0xad, 'Ń')),
        ] {
            assert_eq!(letters[id], pair);
        }
    }
}
