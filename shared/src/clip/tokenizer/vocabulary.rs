//! What each id of the vocabulary stands for, spelled as the reference's vocabulary
//! spells it (openai/CLIP `simple_tokenizer.py`: `bytes_to_unicode`).

use std::iter;

use super::words::{END_OF_TEXT, START_OF_TEXT};
use super::{BYTES, MERGES, Tokenizer};

/// Ends the pieces that end a word.
const WORD_END: &str = "</w>";

/// The letters that the 256 bytes are written as, in the order of their ids: those
/// that can be seen as themselves, then the others as letters from U+0100 on.
fn byte_letters() -> impl Iterator<Item = char> {
    let seen = ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ');
    let count = seen.clone().count() as u32;
    let others = (0..256 - count).filter_map(|at| char::from_u32(256 + at));
    seen.chain(others)
}

impl Tokenizer {
    /// Every piece of the vocabulary in the order of ids; those at a word's end end in
    /// `</w>`.
    pub fn pieces(&self) -> Vec<String> {
        let inside = byte_letters().map(String::from);
        let ending = byte_letters().map(|letter| format!("{letter}{WORD_END}"));
        let count = (self.start_of_text() as usize).saturating_sub(BYTES);
        // The first line says what the file is.
        let merged = MERGES.lines().skip(1).take(count);
        inside
            .chain(ending)
            .chain(merged.map(|pair| pair.replace(' ', "")))
            .chain(iter::once(START_OF_TEXT.into()))
            .chain(iter::once(END_OF_TEXT.into()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Tokenizer;

    #[test]
    fn pieces_are_what_ids_stand_for() {
        for vocabulary in [49408, 2048, 515] {
            let tokenizer = Tokenizer::new(vocabulary).unwrap();
            let pieces = tokenizer.pieces();
            assert_eq!(pieces.len(), vocabulary);
            let mut compared = 0;
            for (id, piece) in (0u32..).zip(&pieces) {
                if piece.is_ascii() && !piece.starts_with("<|") {
                    let text = piece.replace("</w>", " ");
                    assert_eq!(tokenizer.decode(&[id]).unwrap(), text, "{id}");
                    compared += 1;
                }
            }
            assert!(compared > vocabulary / 2 - 150, "{compared}");
            for word in ["photo", "a", "猫"] {
                let ids = tokenizer.encode(word);
                let last = &pieces[ids[ids.len() - 1] as usize];
                assert!(last.ends_with("</w>"), "{word}: {last}");
            }
        }
        let pieces = Tokenizer::new(49408).unwrap().pieces();
        // From the reference's vocabulary.
        for (id, piece) in [
            (0, "!"),
            (256, "!</w>"),
            (320, "a</w>"),
            (1125, "photo</w>"),
        ] {
            assert_eq!(pieces[id], piece);
        }
    }
}
