//! What each id of the vocabulary stands for, spelled as the reference's vocabulary
//! spells it (openai/CLIP `simple_tokenizer.py`: `self.encoder`).

use super::Tokenizer;
use super::byte_pairs::WORD_END;
use super::words::{END_OF_TEXT, START_OF_TEXT};

impl Tokenizer {
    /// Every piece of the vocabulary in the order of ids; those at a word's end end in
    /// `</w>`.
    pub fn pieces(&self) -> Vec<String> {
        let spelled = |id| {
            let mut piece = String::new();
            for byte in self.pairs.bytes_of(id) {
                piece.push(byte.letter);
                if byte.ends_word {
                    piece.push_str(WORD_END);
                }
            }
            piece
        };
        let special = [START_OF_TEXT, END_OF_TEXT].map(String::from);
        (0..self.pairs.len()).map(spelled).chain(special).collect()
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
