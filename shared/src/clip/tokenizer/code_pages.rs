//! The single-byte encodings that texts are wrongly decoded with.
//!
//! They are tables here because the libraries for them bring every encoding of
//! Chinese, Japanese and Korean into the page too.

/// One encoding. Bytes below 128 are ASCII in all of them.
pub struct CodePage {
    /// What the bytes from 128 and from 192 on stand for. A blank, or the end of
    /// the text, means what Latin-1 has there: for the Windows pages that fills
    /// the bytes they leave open, as browsers do.
    differs: [&'static str; 2],
    /// Byte 1A stands for U+FFFD, a character that was already lost.
    pub lossy: bool,
    /// Whether it may restore no-break spaces; see `mojibake`.
    pub restores_spaces: bool,
}

const fn windows(from_128: &'static str, from_192: &'static str) -> CodePage {
    CodePage {
        differs: [from_128, from_192],
        lossy: true,
        restores_spaces: true,
    }
}

const fn exact(from_128: &'static str, from_192: &'static str) -> CodePage {
    CodePage {
        differs: [from_128, from_192],
        lossy: false,
        restores_spaces: true,
    }
}

/// The encodings in the order ftfy tries them in (`ftfy/chardata.py`,
/// `CHARMAP_ENCODINGS`): Latin-1, windows-1252, -1251, -1250, -1253, -1254,
/// -1257, ISO 8859-2, Mac Roman and code page 437.
pub const CODE_PAGES: [CodePage; 10] = [
    exact("", ""),
    windows("€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ", ""),
    windows(
        "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–— ™љ›њќћџ ЎўЈ Ґ  Ё Є    Ї  Ііґ   ё№є јЅѕї",
        "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    ),
    windows(
        "€ ‚ „…†‡ ‰Š‹ŚŤŽŹ ‘’“”•–— ™š›śťžź ˇ˘Ł Ą    Ş    Ż  ˛ł     ąş Ľ˝ľż",
        "Ŕ  Ă ĹĆ Č Ę Ě  ĎĐŃŇ  Ő  ŘŮ Ű  Ţ ŕ  ă ĺć č ę ě  ďđńň  ő  řů ű  ţ˙",
    ),
    windows(
        "€ ‚ƒ„…†‡ ‰ ‹     ‘’“”•–— ™ ›     ΅Ά            ―    ΄   ΈΉΊ Ό ΎΏ",
        "ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ",
    ),
    windows(
        "€ ‚ƒ„…†‡ˆ‰Š‹Œ    ‘’“”•–—˜™š›œ  Ÿ",
        "                Ğ            İŞ                 ğ            ış",
    ),
    windows(
        "€ ‚ „…†‡ ‰ ‹ ¨ˇ¸ ‘’“”•–— ™ › ¯˛         Ø Ŗ    Æ        ø ŗ    æ",
        "ĄĮĀĆ  ĘĒČ ŹĖĢĶĪĻŠŃŅ Ō   ŲŁŚŪ ŻŽ ąįāć  ęēč źėģķīļšńņ ō   ųłśū żž˙",
    ),
    exact(
        "                                 Ą˘Ł ĽŚ  ŠŞŤŹ ŽŻ ą˛ł ľśˇ šşťź˝žż",
        "Ŕ  Ă ĹĆ Č Ę Ě  ĎĐŃŇ  Ő  ŘŮ Ű  Ţ ŕ  ă ĺć č ę ě  ďđńň  ő  řů ű  ţ˙",
    ),
    CodePage {
        // An en dash and a blank look there like one that lost its byte.
        restores_spaces: false,
        ..exact(
            "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°  §•¶ß® ™´¨≠ÆØ∞ ≤≥¥ ∂∑∏π∫ªºΩæø",
            "¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
        )
    },
    exact(
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
        "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
];

/// How many of [`CODE_PAGES`], from the first, turn the bytes of UTF-8 into
/// something that reads like letters and punctuation.
pub const TELLING: usize = 7;

impl CodePage {
    /// What the bytes from 128 on stand for.
    pub fn upper_half(&self) -> impl Iterator<Item = (u8, char)> {
        let half = |first: u8, differs: &'static str| {
            let differs = differs.chars().chain(std::iter::repeat(' '));
            (first..=first + 63).zip(differs)
        };
        let [from_128, from_192] = self.differs;
        let bytes = half(128, from_128).chain(half(192, from_192));
        bytes.map(|(byte, differs)| match differs {
            ' ' => (byte, char::from(byte)),
            _ => (byte, differs),
        })
    }

    /// The bytes that decode to `text`, if there are any.
    pub fn encode(&self, text: &str) -> Option<Vec<u8>> {
        let table: Vec<(u8, char)> = self.upper_half().collect();
        text.chars()
            .map(|character| match character {
                '\u{1a}' if self.lossy => None,
                '\u{fffd}' if self.lossy => Some(0x1a),
                _ if character.is_ascii() => u8::try_from(character).ok(),
                _ => {
                    let entry = table.iter().find(|(_, stands)| *stands == character);
                    entry.map(|(byte, _)| *byte)
                }
            })
            .collect()
    }
}

/// The characters of windows-1252 that Latin-1 decodes as control characters;
/// none for the five bytes that windows-1252 leaves open.
pub fn windows_1252_of_control(control: char) -> Option<char> {
    let mut upper_half = CODE_PAGES[1].upper_half();
    let found = upper_half.find(|(byte, _)| char::from(*byte) == control);
    found
        .map(|(_, character)| character)
        .filter(|character| *character != control)
}
