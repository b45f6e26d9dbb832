//! Does a text look as if it had been decoded with the wrong encoding?
//!
//! ftfy's heuristic (rspeer/python-ftfy 6.3.1, `ftfy/badness.py`): a few hundred
//! characters come up when UTF-8 is read as something else; some of them hardly
//! ever stand beside each other in honest text.

use super::categories::{is_letter, is_number};

/// Kinds of characters, a bit each.
type Kinds = u32;

const CONTROL: Kinds = 1;
const BAD: Kinds = 1 << 1;
const LAW: Kinds = 1 << 2;
const CURRENCY: Kinds = 1 << 3;
const OPENING: Kinds = 1 << 4;
const CLOSING: Kinds = 1 << 5;
const NUMERIC: Kinds = 1 << 6;
const FACE: Kinds = 1 << 7;
const UPPER: Kinds = 1 << 8;
const LOWER: Kinds = 1 << 9;
const UPPER_COMMON: Kinds = 1 << 10;
const LOWER_COMMON: Kinds = 1 << 11;
const BOX: Kinds = 1 << 12;
const COMMON: Kinds = 1 << 13;
const SPACE: Kinds = 1 << 14;
const WORD: Kinds = 1 << 15;
const A_TO_Z: Kinds = 1 << 16;
const CAPITAL_A_TO_Z: Kinds = 1 << 17;
const NO_LATIN_LETTER: Kinds = 1 << 18;
const ON_THE_LINE: Kinds = 1 << 19;

const ACCENTED: Kinds = UPPER | LOWER;
const PUNCTUATION: Kinds = OPENING | CLOSING;

/// The characters of each kind; a dash between two means all from one to the
/// other.
const CHARACTERS: [(Kinds, &str); 14] = [
    (CONTROL, "\u{80}-\u{9f}"),
    (BAD, "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\u{fffd}ªº"),
    (LAW, "¶§"),
    (CURRENCY, "¢£¥₧€"),
    (OPENING, "¡«¿©΄΅‘‚“„•‹\u{f8ff}"),
    (CLOSING, "®»˝”›™"),
    (NUMERIC, "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№"),
    // Letters that faces are made of.
    (FACE, "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°"),
    (UPPER, "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"),
    (LOWER, "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ"),
    (UPPER_COMMON, "ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я"),
    (LOWER_COMMON, "α-ωάέήίΰа-џ"),
    (BOX, "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓"),
    (COMMON, "\u{a0}\u{ad}·´–—―…’"),
];

/// A character of one of these kinds, or one of these characters.
struct One(Kinds, &'static str);

const fn kinds(kinds: Kinds) -> One {
    One(kinds, "")
}

const fn among(characters: &'static str) -> One {
    One(0, characters)
}

/// Arabic in windows-1252 leaves these behind its first letters.
const ARABIC: One = One(COMMON | CURRENCY | BAD | NUMERIC | OPENING, "ŸŠ®°µ»");

/// Neighbours that honest text hardly has.
const SUSPECT: &[&[One]] = &[
    &[kinds(CONTROL)],
    &[
        kinds(BAD | ACCENTED | BOX | PUNCTUATION | CURRENCY | NUMERIC | LAW),
        kinds(BAD),
    ],
    &[
        kinds(A_TO_Z | CAPITAL_A_TO_Z),
        kinds(LOWER_COMMON | UPPER_COMMON),
        kinds(BAD),
    ],
    &[
        kinds(BAD),
        kinds(ACCENTED | BOX | PUNCTUATION | CURRENCY | NUMERIC | LAW),
    ],
    &[
        kinds(LOWER | LOWER_COMMON | BOX | CLOSING | CURRENCY | NUMERIC),
        kinds(UPPER),
    ],
    &[kinds(BOX | CLOSING | CURRENCY | NUMERIC), kinds(LOWER)],
    &[kinds(LOWER | BOX | CLOSING), kinds(CURRENCY)],
    &[kinds(SPACE), kinds(UPPER), kinds(CURRENCY)],
    &[kinds(UPPER | BOX), kinds(NUMERIC | LAW)],
    &[
        kinds(ACCENTED | BOX | CURRENCY | CLOSING),
        kinds(OPENING),
        kinds(NUMERIC),
    ],
    &[
        kinds(ACCENTED | CURRENCY | NUMERIC | BOX | LAW),
        kinds(CLOSING),
        kinds(OPENING),
    ],
    &[kinds(CURRENCY | NUMERIC | BOX), kinds(OPENING)],
    &[kinds(A_TO_Z), kinds(UPPER), kinds(OPENING | CURRENCY)],
    &[kinds(BOX), kinds(FACE)],
    &[
        kinds(ACCENTED | CURRENCY | NUMERIC | PUNCTUATION | LAW),
        kinds(BOX),
    ],
    &[kinds(BOX), kinds(CLOSING)],
    &[kinds(ACCENTED), kinds(PUNCTUATION), kinds(WORD)],
    &[among("Œœ"), kinds(NO_LATIN_LETTER)],
    &[kinds(UPPER), among("°")],
    // windows-1252
    &[
        among("ÂÃÎÐ"),
        One(PUNCTUATION, "€œŠš¢£Ÿž\u{a0}\u{ad}®©°·»–—´"),
    ],
    &[among("×"), among("²³")],
    &[among("ØÙ"), ARABIC, among("ØÙ"), ARABIC],
    &[among("à"), among("²µ¹¼½¾")],
    // Mac Roman
    &[among("√"), among("±∂†≠®™´≤≥¥µø")],
    &[among("≈"), among("°¢")],
    &[among("‚"), among("Ä"), among("ìîïòôúùû†°¢π")],
    &[among("‚"), among("âó"), among("àä°ê")],
    // windows-1251
    &[among("в"), among("Ђ")],
    &[
        among("ВГРС"),
        One(CONTROL | BAD | PUNCTUATION | CURRENCY, "°µ"),
        among("ВГРС"),
    ],
    &[
        among("Г"),
        among("ў"),
        among("В"),
        among("Ђ"),
        among("В"),
        kinds(ON_THE_LINE),
        One(A_TO_Z | CAPITAL_A_TO_Z, " "),
    ],
    // à, á and the no-break space, twice encoded
    &[among("Ã"), among("\u{a0}¡")],
    &[kinds(A_TO_Z), among("ÃÂ"), among(" ")],
    &[kinds(A_TO_Z), kinds(SPACE), among("ÃÂ"), among(" ")],
    &[
        One(A_TO_Z | CLOSING, ".,?!"),
        among("Â"),
        One(PUNCTUATION, " "),
    ],
    // windows-1253
    &[among("β"), among("€"), among("™\u{a0}Ά\u{ad}®°")],
    &[
        among("ΒΓΞΟ"),
        One(CONTROL | BAD | PUNCTUATION | CURRENCY, "°"),
        among("ΒΓΞΟ"),
    ],
    // windows-1257
    &[among("ā"), among("€")],
];

/// The same, but only where the text begins.
const SUSPECT_AT_THE_START: &[One] = &[among("ÃÂ"), among(" ")];

/// Whether `text` has neighbours that honest text hardly has.
pub fn is_bad(text: &str) -> bool {
    let text: Vec<(char, Kinds)> = text
        .chars()
        .map(|character| (character, kinds_of(character)))
        .collect();
    let found = |at: usize, suspect: &[One]| {
        let here = text.get(at..at + suspect.len());
        here.is_some_and(|here| {
            here.iter()
                .zip(suspect)
                .all(|((character, kinds), one)| kinds & one.0 != 0 || one.1.contains(*character))
        })
    };
    found(0, SUSPECT_AT_THE_START)
        || (0..text.len()).any(|at| SUSPECT.iter().any(|suspect| found(at, suspect)))
}

fn kinds_of(character: char) -> Kinds {
    let when = |is: bool, kind: Kinds| if is { kind } else { 0 };
    let mut kinds = when(is_space(character), SPACE)
        | when(is_part_of_a_word(character), WORD)
        | when(character.is_ascii_lowercase(), A_TO_Z)
        | when(character.is_ascii_uppercase(), CAPITAL_A_TO_Z)
        | when(!character.is_ascii_alphabetic(), NO_LATIN_LETTER)
        | when(character != '\n', ON_THE_LINE);
    if !character.is_ascii() {
        for (kind, characters) in CHARACTERS {
            kinds |= when(lists(characters, character), kind);
        }
    }
    kinds
}

/// Whether `characters`, a list with ranges, has `wanted`.
fn lists(characters: &str, wanted: char) -> bool {
    let mut characters = characters.chars().peekable();
    while let Some(first) = characters.next() {
        let mut last = first;
        if characters.next_if_eq(&'-').is_some() {
            last = characters.next().unwrap_or(first);
        }
        if (first..=last).contains(&wanted) {
            return true;
        }
    }
    false
}

/// What Python takes for white space: Unicode's, and four control characters.
pub fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// What Python takes for part of a word.
fn is_part_of_a_word(character: char) -> bool {
    character == '_' || is_letter(character) || is_number(character)
}
