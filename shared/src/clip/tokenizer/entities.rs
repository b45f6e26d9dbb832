//! HTML's character references, by Python's rules (`html.unescape`) and by
//! ftfy's, which takes only those that nobody writes by accident.

use std::borrow::Cow;

use htmlize::ENTITIES;

use super::code_pages::windows_1252_of_control;

/// Most characters of a name that Python looks at.
const LONGEST_NAME: usize = 32;
/// Most characters between `&` and `;` that ftfy looks at, `#` not counted.
const LONGEST_CERTAIN: usize = 24;

/// Decodes every reference, those without a semicolon included: `&notit;` is
/// `¬it;`.
pub fn unescape(text: &str) -> Cow<'_, str> {
    replace(text, |rest| {
        numeric(rest).or_else(|| {
            let name = name_length(rest)?;
            // The name with what ends it, then ever fewer of its characters.
            let ends = rest[..name].char_indices().map(|(at, _)| at);
            let ends = ends.skip(2).chain([name]).collect::<Vec<_>>();
            ends.into_iter().rev().find_map(|end| {
                let meaning = named(&rest[..end])?;
                Some((meaning.into(), end))
            })
        })
    })
}

/// Decodes references that end in a semicolon, and names of small letters that
/// were written in capitals (`&EACUTE;`).
pub fn unescape_certain(text: &str) -> Cow<'_, str> {
    replace(text, |rest| {
        let start = usize::from(rest.starts_with('#'));
        let name = rest[start..].find(|c: char| !c.is_ascii_alphanumeric())?;
        let end = start + name + 1;
        if !(1..=LONGEST_CERTAIN).contains(&name) || !rest[start + name..].starts_with(';') {
            return None;
        }
        let meaning = match start {
            0 => certain(&rest[..end])?,
            // ftfy takes a semicolon in the result for one that was left over.
            _ => {
                numeric(rest)
                    .filter(|(meaning, length)| *length == end && meaning != ";")?
                    .0
            }
        };
        Some((meaning, end))
    })
}

/// Replaces what follows an ampersand where `decode` knows it: it is given the
/// text behind the ampersand and says what stands there and in how many bytes.
fn replace(text: &str, decode: impl Fn(&str) -> Option<(String, usize)>) -> Cow<'_, str> {
    let mut rest = text;
    let mut decoded = String::new();
    let mut changed = false;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at + 1);
        match decode(after) {
            Some((meaning, length)) => {
                decoded.push_str(&before[..at]);
                decoded.push_str(&meaning);
                rest = &after[length..];
                changed = true;
            }
            None => {
                decoded.push_str(before);
                rest = after;
            }
        }
    }
    match changed {
        true => Cow::Owned(decoded + rest),
        false => Cow::Borrowed(text),
    }
}

/// The meaning of `#233;` or `#xe9`, and its length.
fn numeric(rest: &str) -> Option<(String, usize)> {
    let number = rest.strip_prefix('#')?;
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let length = digits
        .find(|c: char| !c.is_digit(radix))
        .unwrap_or(digits.len());
    if length == 0 {
        return None;
    }
    // Only an overflow fails here, which is beyond Unicode as well.
    let code = u32::from_str_radix(&digits[..length], radix).unwrap_or(u32::MAX);
    let semicolon = digits[length..].starts_with(';');
    let end = rest.len() - digits.len() + length + usize::from(semicolon);
    Some((character(code), end))
}

/// What a number stands for. Control characters are read as windows-1252,
/// as browsers do, or dropped with all that is no character.
fn character(code: u32) -> String {
    let Some(character) = char::from_u32(code).filter(|_| code != 0) else {
        return '\u{fffd}'.into();
    };
    match code {
        0x80..=0x9f => windows_1252_of_control(character)
            .unwrap_or(character)
            .into(),
        0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f | 0xfdd0..=0xfdef => String::new(),
        _ if code & 0xfffe == 0xfffe => String::new(),
        _ => character.into(),
    }
}

/// The length of what may be a name, its semicolon included.
fn name_length(rest: &str) -> Option<usize> {
    let ends = |c: char| matches!(c, '\t' | '\n' | '\u{c}' | ' ' | '<' | '&' | '#' | ';');
    let longest = rest.char_indices().nth(LONGEST_NAME);
    let longest = longest.map_or(rest.len(), |(at, _)| at);
    let length = rest[..longest].find(ends).unwrap_or(longest);
    let semicolon = rest[length..].starts_with(';');
    (length > 0).then(|| length + usize::from(semicolon))
}

/// The meaning of a name, with or without its semicolon.
fn named(name: &str) -> Option<&'static str> {
    let meaning = ENTITIES.get(format!("&{name}").as_bytes())?;
    std::str::from_utf8(meaning).ok()
}

/// The meaning of a name with its semicolon; of a name in capitals that has none,
/// the capitals of what the small letters mean.
fn certain(name: &str) -> Option<String> {
    if let Some(meaning) = named(name) {
        return Some(meaning.into());
    }
    // Not where a part of it has a meaning: `&LTIMES;` is `<IMES;` to a browser.
    let whole = unescape(&format!("&{name}")).strip_prefix('&') == Some(name);
    let capitals = name.to_uppercase() == name;
    let meaning = named(&name.to_lowercase()).filter(|_| whole && capitals)?;
    Some(meaning.to_uppercase())
}
