//! Undoes decoding with the wrong encoding, as ftfy does (rspeer/python-ftfy
//! 6.3.1, `fix_encoding`): the text is encoded back and read as UTF-8.

use std::ops::RangeInclusive;

use super::badness::is_bad;
use super::code_pages::{CODE_PAGES, CodePage, TELLING, windows_1252_of_control};

/// Bytes that may stand at a place, as ranges.
type Bytes = &'static [RangeInclusive<u8>];

const BLANK: Bytes = &[0x20..=0x20];
const LOST: Bytes = &[0x1a..=0x1a];
/// A lost byte may have become a question mark, once in a character.
const LOST_OR_ASKED: Bytes = &[0x1a..=0x1a, 0x3f..=0x3f];
const FOLLOWING: Bytes = &[0x80..=0xbf];
const FOLLOWING_OR_LOST: Bytes = &[0x1a..=0x1a, 0x80..=0xbf];
const FOLLOWING_OR_ASKED: Bytes = &[0x1a..=0x1a, 0x3f..=0x3f, 0x80..=0xbf];
/// Without the blank itself, and without 85, which is mostly an ellipsis.
const FOLLOWING_A_BLANK: Bytes = &[0x80..=0x84, 0x86..=0x9f, 0xa1..=0xbf];
const LEADS_3: Bytes = &[0xe0..=0xef];
const LEADS_4: Bytes = &[0xf0..=0xf4];
const F0: Bytes = &[0xf0..=0xf0];
const ED: Bytes = &[0xed..=0xed];
const HIGH_SURROGATE: Bytes = &[0xa0..=0xaf];
const LOW_SURROGATE: Bytes = &[0xb0..=0xbf];

/// UTF-8 in which byte A0 has become a blank (`ALTERED_UTF8_RE`): only where the
/// character with A0 is a likely one.
const WITH_A_BLANK: &[&[Bytes]] = &[
    &[
        &[
            0xc2..=0xc3,
            0xc5..=0xc5,
            0xce..=0xce,
            0xd0..=0xd0,
            0xd9..=0xd9,
        ],
        BLANK,
    ],
    &[&[0xe2..=0xe3], BLANK, FOLLOWING_A_BLANK],
    &[&[0xe0..=0xe3], FOLLOWING_A_BLANK, BLANK],
    &[F0, BLANK, FOLLOWING, FOLLOWING],
    &[F0, FOLLOWING, BLANK, FOLLOWING],
    &[F0, FOLLOWING, FOLLOWING, BLANK],
];

/// UTF-8 with lost bytes (`LOSSY_UTF8_RE`), surrogate pairs included.
const WITH_A_LOSS: &[&[Bytes]] = &[
    &[&[0xc2..=0xdf], LOST],
    &[&[0xc2..=0xc3], &[0x3f..=0x3f]],
    &[
        ED,
        HIGH_SURROGATE,
        LOST_OR_ASKED,
        ED,
        LOW_SURROGATE,
        FOLLOWING_OR_ASKED,
    ],
    &[
        ED,
        HIGH_SURROGATE,
        FOLLOWING_OR_ASKED,
        ED,
        LOW_SURROGATE,
        LOST_OR_ASKED,
    ],
    &[LEADS_3, LOST_OR_ASKED, FOLLOWING_OR_LOST],
    &[LEADS_3, FOLLOWING_OR_LOST, LOST_OR_ASKED],
    &[LEADS_4, LOST_OR_ASKED, FOLLOWING_OR_LOST, FOLLOWING_OR_LOST],
    &[LEADS_4, FOLLOWING_OR_LOST, LOST_OR_ASKED, FOLLOWING_OR_LOST],
    &[LEADS_4, FOLLOWING_OR_LOST, FOLLOWING_OR_LOST, LOST_OR_ASKED],
    &[LOST],
];

/// Undoes wrong decodings until none is seen.
pub fn fix_encoding(text: &str) -> String {
    let mut text = text.to_string();
    while let Some(fixed) = undo_one(&text) {
        text = fixed;
    }
    text
}

/// Undoes one wrong decoding; none if there is none to undo.
fn undo_one(text: &str) -> Option<String> {
    if text.is_ascii() || !is_bad(text) {
        return None;
    }
    for page in &CODE_PAGES {
        let Some(bytes) = page.encode(text) else {
            continue;
        };
        if let Some(fixed) = decode_utf8(&restore(bytes, page)) {
            return (fixed != text).then_some(fixed);
        }
    }
    let fixed = fix_parts(text);
    if fixed != text {
        return Some(fixed);
    }
    // What is left is Latin-1 for windows-1252, or some of it is.
    let is_control = |character: char| ('\u{80}'..='\u{9f}').contains(&character);
    let fixed = text.chars().map(|character| match is_control(character) {
        true => windows_1252_of_control(character).unwrap_or(character),
        false => character,
    });
    let fixed: String = fixed.collect();
    (fixed != text).then_some(fixed)
}

/// Puts back what was lost of UTF-8's bytes before they were decoded.
fn restore(bytes: Vec<u8>, page: &CodePage) -> Vec<u8> {
    let mut bytes = bytes;
    if page.restores_spaces && (0..bytes.len()).any(|at| length(&bytes[at..], WITH_A_BLANK) > 0) {
        bytes = replace(&with_a_grave(&bytes), WITH_A_BLANK, |found, restored| {
            let byte = |byte: &u8| if *byte == b' ' { 0xa0 } else { *byte };
            restored.extend(found.iter().map(byte));
        });
    }
    if page.lossy {
        bytes = replace(&bytes, WITH_A_LOSS, |_, restored| {
            restored.extend("\u{fffd}".bytes());
        });
    }
    bytes
}

/// `Ã` and a blank are mostly the word `à` and a blank: both are kept, but in the
/// beginnings of Portuguese words.
fn with_a_grave(bytes: &[u8]) -> Vec<u8> {
    const WORDS: [&[u8]; 5] = [b" ", b"quele", b"quela", b"quilo", b"s "];
    let mut kept = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        let behind = bytes[at..].strip_prefix(b"\xc3 ");
        kept.push(*byte);
        if behind.is_some_and(|behind| !WORDS.iter().any(|word| behind.starts_with(word))) {
            kept.push(0xa0);
        }
    }
    kept
}

/// The length of the first of `patterns` that `bytes` begins with, or zero.
fn length(bytes: &[u8], patterns: &[&[Bytes]]) -> usize {
    let begins = |pattern: &&&[Bytes]| {
        bytes.len() >= pattern.len()
            && pattern
                .iter()
                .zip(bytes)
                .all(|(places, byte)| places.iter().any(|range| range.contains(byte)))
    };
    patterns
        .iter()
        .find(begins)
        .map_or(0, |pattern| pattern.len())
}

/// Puts what `write` makes of it in the place of every stretch of `patterns`.
fn replace(bytes: &[u8], patterns: &[&[Bytes]], write: impl Fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match length(&bytes[at..], patterns) {
            0 => {
                replaced.push(bytes[at]);
                at += 1;
            }
            found => {
                write(&bytes[at..at + found], &mut replaced);
                at += found;
            }
        }
    }
    replaced
}

/// Reads UTF-8 and its two common mistakes: C0 80 for a null character, and
/// surrogate pairs in six bytes.
fn decode_utf8(bytes: &[u8]) -> Option<String> {
    let mut decoded = String::new();
    let mut rest = bytes;
    let special = |at: usize, rest: &[u8]| match rest[at..] {
        // A line's end in the last place counts as a byte that is yet to come:
        // so does ftfy's pattern for it.
        [0xc0, 0x80, ..] | [0xc0, b'\n'] => Some(('\0', 2)),
        [
            0xed,
            0xa0..=0xaf,
            0x80..=0xbf,
            0xed,
            0xb0..=0xbf,
            0x80..=0xbf,
            ..,
        ]
        | [0xed, 0xa0..=0xaf, 0x80..=0xbf, 0xed, 0xb0..=0xbf, b'\n'] => {
            let bits = |at: usize, mask: u8| u32::from(rest[at] & mask);
            let code = (bits(at + 1, 0x0f) << 16)
                + (bits(at + 2, 0x3f) << 10)
                + (bits(at + 4, 0x0f) << 6)
                + bits(at + 5, 0x3f)
                + 0x10000;
            char::from_u32(code).map(|character| (character, 6))
        }
        _ => None,
    };
    while let Some((at, (character, length))) =
        (0..rest.len()).find_map(|at| special(at, rest).map(|found| (at, found)))
    {
        decoded.push_str(std::str::from_utf8(&rest[..at]).ok()?);
        decoded.push(character);
        rest = &rest[at + length..];
    }
    decoded.push_str(std::str::from_utf8(rest).ok()?);
    Some(decoded)
}

/// Where a character stands in UTF-8 that was read in one of the telling code
/// pages: its bytes are recognised by the letters they turn into.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Bytes of the character that this one begins; none if it begins none.
    begins: Option<usize>,
    follows: bool,
    /// It follows, and stands for itself in no honest text.
    clearly_follows: bool,
}

fn place_of(character: char) -> Place {
    if character == ' ' {
        return Place {
            follows: true,
            ..Place::default()
        };
    }
    let mut place = Place::default();
    let bytes = CODE_PAGES[..TELLING].iter().flat_map(CodePage::upper_half);
    for (byte, _) in bytes.filter(|(_, stands)| *stands == character) {
        match byte {
            0x80..=0xbf => place.follows = true,
            0xc2..=0xdf => place.begins = Some(2),
            0xe0..=0xef => place.begins = Some(3),
            0xf0 | 0xf3 => place.begins = Some(4),
            _ => {}
        }
    }
    place.clearly_follows = place.follows && !"–—―‘’‚“”„•…".contains(character);
    place
}

/// Fixes stretches that look like UTF-8 by themselves, where the text as a whole
/// is not in one encoding.
fn fix_parts(text: &str) -> String {
    let places: Vec<(usize, Place)> = text
        .char_indices()
        .map(|(at, character)| (at, place_of(character)))
        .collect();
    // The end of the whole characters of UTF-8 that begin at `first`.
    let end_of = |first: usize| {
        let mut end = first;
        while let Some(length) = places.get(end).and_then(|(_, place)| place.begins) {
            let following = places.get(end + 1..end + length);
            if !following.is_some_and(|places| places.iter().all(|(_, place)| place.follows)) {
                break;
            }
            end += length;
        }
        end
    };
    let byte_at = |at: usize| places.get(at).map_or(text.len(), |(byte, _)| *byte);
    let mut fixed = String::with_capacity(text.len());
    let mut at = 0;
    while at < places.len() {
        let amid = at > 0 && places[at - 1].1.clearly_follows;
        let end = if amid { at } else { end_of(at) };
        let next = end.max(at + 1);
        let part = &text[byte_at(at)..byte_at(next)];
        if end > at && end - at < places.len() && is_bad(part) {
            fixed.push_str(&fix_encoding(part));
        } else {
            fixed.push_str(part);
        }
        at = next;
    }
    fixed
}
