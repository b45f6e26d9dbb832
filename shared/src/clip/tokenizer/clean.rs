//! What CLIP does to a text before it splits it into words.
//!
//! The reference calls ftfy for it. The port of ftfy for Rust (`plsfix`) follows
//! an older release and leaves terminal escapes in, so the rules of ftfy 6.3.1
//! are written out here, in `mojibake` and `badness`.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::badness::is_space;
use super::code_pages::windows_1252_of_control;
use super::entities::{unescape, unescape_certain};
use super::mojibake::fix_encoding;

/// Most characters that are repaired as one (`max_decode_length`).
const LONGEST_SEGMENT: usize = 1_000_000;

/// Terminal colours and the like.
static TERMINAL_ESCAPE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\[[\d;]*[a-zA-Z]").expect("the pattern is valid"));

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
        let fixed = TERMINAL_ESCAPE.replace_all(&fixed, "");
        let fixed: String = fixed.chars().filter(|c| !is_unwanted(*c)).nfc().collect();
        if fixed == text {
            return text;
        }
        text = fixed;
    }
}

/// The usual characters for one of special form.
fn plain_characters(character: char) -> impl Iterator<Item = char> {
    let plain = match character {
        '\u{80}'..='\u{9f}' => windows_1252_of_control(character).unwrap_or(character),
        _ => character,
    };
    let (plain, more) = match plain {
        // Ligatures and digraphs of Latin letters.
        'Ĳ' => ('I', "J"),
        'ĳ' => ('i', "j"),
        'ŉ' => ('\'', "n"),
        'Ǳ' => ('D', "Z"),
        'ǲ' => ('D', "z"),
        'ǳ' => ('d', "z"),
        'Ǆ' => ('D', "Ž"),
        'ǅ' => ('D', "ž"),
        'ǆ' => ('d', "ž"),
        'Ǉ' => ('L', "J"),
        'ǈ' => ('L', "j"),
        'ǉ' => ('l', "j"),
        'Ǌ' => ('N', "J"),
        'ǋ' => ('N', "j"),
        'ǌ' => ('n', "j"),
        'ﬀ' => ('f', "f"),
        'ﬁ' => ('f', "i"),
        'ﬂ' => ('f', "l"),
        'ﬃ' => ('f', "fi"),
        'ﬄ' => ('f', "fl"),
        'ﬅ' => ('ſ', "t"),
        'ﬆ' => ('s', "t"),
        // Quotes.
        'ʼ' | '‘'..='‛' => ('\'', ""),
        '“'..='‟' => ('"', ""),
        // Ends of lines.
        '\r' | '\u{2028}' | '\u{2029}' => ('\n', ""),
        '\u{3000}' => (' ', ""),
        _ => (plain, ""),
    };
    // Full and half width. One form has two characters, a blank and an accent.
    let (first, second) = match plain {
        '\u{ff01}'..='\u{ffef}' => {
            let mut usual = std::iter::once(plain).nfkc();
            (usual.next().unwrap_or(plain), usual.next())
        }
        _ => (plain, None),
    };
    std::iter::once(first).chain(second).chain(more.chars())
}

/// Control characters that nobody means.
fn is_unwanted(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{8}'
            | '\u{b}'
            | '\u{e}'..='\u{1f}'
            | '\u{7f}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}'
    )
}
