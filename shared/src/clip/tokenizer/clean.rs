//! What CLIP does to a text before it splits it into words.
//!
//! The reference calls ftfy for it. The port of ftfy for Rust (`plsfix`) follows
//! an older release and leaves terminal escapes in, so the rules of ftfy 6.3.1
//! are written out here, in `mojibake` and `badness`.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::badness::is_space;
use super::categories::is_digit;
use super::characters::{is_unwanted, plain_characters};
use super::entities::{unescape, unescape_certain};
use super::mojibake::fix_encoding;

/// Most characters that are repaired as one (`max_decode_length`).
const LONGEST_SEGMENT: usize = 1_000_000;

/// The text whose words CLIP encodes (openai/CLIP `simple_tokenizer.py`,
/// `whitespace_clean(basic_clean(text)).lower()`): repaired, HTML's character
/// references decoded twice, one blank between words, in small letters.
pub fn clean(text: &str) -> String {
    let repaired = repair(text);
    let plain = unescape(&repaired);
    let plain = unescape(&plain);
    let words = plain.split(is_space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// ftfy's `fix_text`: line by line, until nothing changes.
fn repair(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    // The first `<` says that what follows is HTML and its references are meant.
    let mut is_html = false;
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while !rest.is_empty() {
            let end = rest.char_indices().nth(LONGEST_SEGMENT);
            let (segment, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
            is_html |= segment.contains('<');
            repaired.push_str(&repair_segment(segment, is_html));
            rest = after;
        }
    }
    repaired
}

fn repair_segment(segment: &str, is_html: bool) -> String {
    let mut text = segment.to_string();
    loop {
        let fixed = match is_html {
            true => fix_encoding(&text),
            false => fix_encoding(&unescape_certain(&text)),
        };
        let fixed = fixed.replace("\r\n", "\n");
        let fixed: String = fixed.chars().flat_map(plain_characters).collect();
        let fixed = without_terminal_escapes(&fixed);
        let fixed: String = fixed.chars().filter(|c| !is_unwanted(*c)).collect();
        let fixed = ComposingNormalizerBorrowed::new_nfc().normalize(&fixed);
        if fixed == text {
            return text;
        }
        text = fixed.into_owned();
    }
}

/// Without terminal colours and the like (`\x1b\[[\d;]*[a-zA-Z]`).
fn without_terminal_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut kept = String::from(parts.next().unwrap_or(""));
    for part in parts {
        let after = part.trim_start_matches(|character| character == ';' || is_digit(character));
        match after.strip_prefix(|character: char| character.is_ascii_alphabetic()) {
            Some(after) => kept.push_str(after),
            None => {
                kept.push_str("\x1b[");
                kept.push_str(part);
            }
        }
    }
    kept
}
