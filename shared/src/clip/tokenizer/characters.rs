//! Characters of special form, and those that nobody means.

use super::code_pages::windows_1252_of_control;

/// The usual characters for one of special form.
pub fn plain_characters(character: char) -> impl Iterator<Item = char> {
    let plain = match character {
        '\u{80}'..='\u{9f}' => windows_1252_of_control(character).unwrap_or(character),
        _ => usual_width(character).unwrap_or(character),
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
        // The only one of full width that is two characters.
        '￣' => (' ', "\u{304}"),
        _ => (plain, ""),
    };
    std::iter::once(plain).chain(more.chars())
}

/// The usual width of a character of full or half width.
fn usual_width(character: char) -> Option<char> {
    let after = |first: char| u32::from(character) - u32::from(first);
    match character {
        '！'..='～' => char::from_u32(after('！') + u32::from('!')),
        '｟'..='￮' => {
            let mut usual = HALF_WIDTH.iter().flat_map(|row| row.chars());
            usual
                .nth(after('｟') as usize)
                .filter(|usual| *usual != ' ')
        }
        _ => None,
    }
}

/// What U+FF5F to U+FFEE are in their usual width: brackets, katakana, Hangul,
/// signs. A blank stands for those that are not assigned.
const HALF_WIDTH: [&str; 11] = [
    "⦅⦆。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソ",
    "タチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u{3099}\u{309a}",
    "\u{1160}\u{1100}\u{1101}\u{11aa}\u{1102}\u{11ac}\u{11ad}\u{1103}",
    "\u{1104}\u{1105}\u{11b0}\u{11b1}\u{11b2}\u{11b3}\u{11b4}\u{11b5}",
    "\u{111a}\u{1106}\u{1107}\u{1108}\u{1121}\u{1109}\u{110a}\u{110b}",
    "\u{110c}\u{110d}\u{110e}\u{110f}\u{1110}\u{1111}\u{1112} ",
    "  \u{1161}\u{1162}\u{1163}\u{1164}\u{1165}\u{1166}",
    "  \u{1167}\u{1168}\u{1169}\u{116a}\u{116b}\u{116c}",
    "  \u{116d}\u{116e}\u{116f}\u{1170}\u{1171}\u{1172}",
    "  \u{1173}\u{1174}\u{1175}   ",
    "¢£¬ ¦¥₩ │←↑→↓■○",
];

/// Control characters that nobody means.
pub fn is_unwanted(character: char) -> bool {
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
