//! A prompt as a person sees it: words, learned context vectors, and the place
//! of the class name.

use clipwright_shared::learners::Method;
use clipwright_shared::protocol::LearnedInfo;

/// Where the class name goes in a template.
pub const PLACEHOLDER: &str = "{}";

/// One piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Word(String),
    /// A learned context vector, counted from 1.
    Vector(usize),
    /// The class name's place.
    Class,
}

/// The pieces of a template.
pub fn template_pieces(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, words) in template.split(PLACEHOLDER).enumerate() {
        if index > 0 {
            pieces.push(Piece::Class);
        }
        pieces.extend(
            words
                .split_whitespace()
                .map(|word| Piece::Word(word.into())),
        );
    }
    pieces
}

/// The pieces of the prompt that a learned file asks with: context vectors and a full
/// stop (KaiyangZhou/CoOp `PromptLearner.forward`), or the words of an adapter's.
pub fn learned_pieces(info: &LearnedInfo) -> Vec<Piece> {
    match (info.method, &info.template) {
        (Method::Lora, Some(template)) => return template_pieces(template),
        (Method::LinearProbe, _) => return vec![Piece::Class],
        _ => {}
    }
    let before = info.class_token_position.vectors_before(info.n_ctx);
    let mut pieces: Vec<Piece> = (1..=info.n_ctx).map(Piece::Vector).collect();
    pieces.insert(before, Piece::Class);
    pieces.push(Piece::Word(".".into()));
    pieces
}

/// The prompt for a screen reader, as one sentence.
pub fn spoken(pieces: &[Piece], class: &str) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Word(word) => word.clone(),
        Piece::Vector(number) => format!("learned vector {number},"),
        Piece::Class => class.to_string(),
    };
    pieces.iter().map(piece).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clipwright_shared::learners::{ClassTokenPosition, Method};
    use clipwright_shared::protocol::LearnedInfo;

    use super::{Piece, learned_pieces, spoken, template_pieces};

    fn word(text: &str) -> Piece {
        Piece::Word(text.into())
    }

    #[test]
    fn a_template_is_cut_into_words_around_the_class() {
        let pieces = template_pieces("a photo of a {}.");
        let expected = [
            word("a"),
            word("photo"),
            word("of"),
            word("a"),
            Piece::Class,
            word("."),
        ];
        assert_eq!(pieces, expected);
        assert_eq!(template_pieces("{}"), [Piece::Class]);
        assert_eq!(template_pieces("no place"), [word("no"), word("place")]);
    }

    #[test]
    fn the_class_stands_where_it_was_learned() {
        let check = |class_token_position, expected: usize| {
            let pieces = learned_pieces(&LearnedInfo {
                name: "learned".into(),
                method: Method::Coop,
                n_ctx: 4,
                class_specific: false,
                class_token_position,
                template: None,
                class_names: Vec::new(),
                shots: Some(16),
            });
            assert_eq!(pieces.len(), 6);
            assert_eq!(
                pieces.iter().position(|piece| *piece == Piece::Class),
                Some(expected)
            );
        };
        check(ClassTokenPosition::Front, 0);
        check(ClassTokenPosition::Middle, 2);
        check(ClassTokenPosition::End, 4);
    }

    #[test]
    fn it_reads_aloud() {
        let pieces = [Piece::Vector(1), Piece::Class, word(".")];
        assert_eq!(spoken(&pieces, "red star"), "learned vector 1, red star .");
    }
}
