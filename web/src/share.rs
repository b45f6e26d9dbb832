//! A set-up as the fragment of a link, and read from one:
//! `#tab=patches&classes=red+heart,blue+star&template=a+photo+of+a+%7B%7D.`
//!
//! Whoever made the link may be anybody: everything has a limit, what is not
//! understood is left out and named, and nothing in it is more than a setting.

use crate::state::Tab;

/// Longest fragment that is read or written, in bytes.
pub const MOST_BYTES: usize = 16_384;
/// Most class names in a link.
pub const MOST_CLASSES: usize = 1000;
/// Longest class name, in characters.
pub const LONGEST_CLASS: usize = 120;
/// Most templates in a link; CLIP's own ensemble has 80.
pub const MOST_TEMPLATES: usize = 80;
/// Longest template, in characters.
pub const LONGEST_TEMPLATE: usize = 300;
/// Longest name of a setting, in characters.
pub const LONGEST_SETTING: usize = 40;
/// Longest value of a setting, in characters: it may be a class name.
pub const LONGEST_VALUE: usize = LONGEST_CLASS;
/// Most names of learned files in a link.
pub const MOST_LEARNED: usize = 8;
/// Longest name of a learned file, in characters.
pub const LONGEST_LEARNED: usize = 80;

/// What a link can hold. What is none or empty stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SetUp {
    pub tab: Option<Tab>,
    /// A place among the samples.
    pub sample: Option<usize>,
    pub class_names: Vec<String>,
    pub templates: Vec<String>,
    /// Names of the learned files that were loaded: they stay where they are, but whoever
    /// opens the link should know that they belong to it.
    pub learned: Vec<String>,
    /// Of the tabs, such as `patches.overlap`, with their values as text.
    pub settings: Vec<(String, String)>,
}

/// A set-up, and what else stood there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    pub set_up: SetUp,
    /// Why parts were left out, a sentence each.
    pub refused: Vec<String>,
}

impl SetUp {
    /// The fragment, without its `#`; empty for an empty set-up. Class names and
    /// templates that are too many or too long for a link are left out, and named in
    /// the second value.
    pub fn fragment(&self) -> (String, Vec<&'static str>) {
        let mut left_out = Vec::new();
        let classes = &self.class_names;
        let fits = classes.len() <= MOST_CLASSES && all_within(classes, LONGEST_CLASS);
        let classes = classes.iter().map(|name| encode(name)).collect::<Vec<_>>();
        let templates = &self.templates;
        let templates_fit =
            templates.len() <= MOST_TEMPLATES && all_within(templates, LONGEST_TEMPLATE);

        let mut parts = Vec::new();
        if let Some(tab) = self.tab {
            parts.push(format!("tab={}", tab.key()));
        }
        if let Some(sample) = self.sample {
            parts.push(format!("sample={}", sample + 1));
        }
        let learned = plain_names(self.learned.iter().map(String::as_str));
        if !learned.is_empty() {
            let learned = learned.iter().map(|name| encode(name));
            parts.push(format!("learned={}", learned.collect::<Vec<_>>().join(",")));
        }
        for (key, value) in &self.settings {
            parts.push(format!("{}={}", encode(key), encode(value)));
        }
        let mut length: usize = parts.iter().map(|part| part.len() + 1).sum();
        let mut add = |these: Vec<String>, fit: bool, name: &'static str| {
            let more: usize = these.iter().map(|part| part.len() + 1).sum();
            if fit && length + more <= MOST_BYTES {
                length += more;
                parts.extend(these);
            } else {
                left_out.push(name);
            }
        };
        if !self.templates.is_empty() {
            let templates = templates.iter();
            let templates = templates.map(|template| format!("template={}", encode(template)));
            add(templates.collect(), templates_fit, "the templates");
        }
        if !classes.is_empty() {
            let classes = format!("classes={}", classes.join(","));
            add(vec![classes], fits, "the class names");
        }
        (parts.join("&"), left_out)
    }
}

/// Reads a fragment, with or without its `#`. One without any `=` is an anchor of the
/// page, and no set-up.
pub fn read(fragment: &str) -> Reading {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    let mut reading = Reading::default();
    if !fragment.contains('=') {
        return reading;
    }
    if fragment.len() > MOST_BYTES {
        let length = fragment.len();
        let why = format!("the link is {length} bytes long; expected at most {MOST_BYTES}");
        reading.refused.push(why);
        return reading;
    }
    for part in fragment.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        if let Err(why) = reading.set_up.take(key, value) {
            reading.refused.push(why);
        }
    }
    reading
}

impl SetUp {
    /// Takes one `key=value`, still encoded. Keys of other times are ignored by whoever
    /// applies the settings.
    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let unreadable = || format!("{key}: not readable as text");
        match key {
            "tab" => {
                let tab = Tab::from_key(value);
                self.tab = Some(tab.ok_or_else(|| format!("there is no tab {value:.40}"))?);
            }
            "sample" => {
                let number = value.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                let number = number.filter(|number| *number < 1000);
                self.sample =
                    Some(number.ok_or_else(|| format!("there is no sample {value:.40}"))?);
            }
            "classes" => {
                let names = value.split(',').map(decode).collect::<Option<Vec<_>>>();
                let mut names = names.ok_or_else(unreadable)?;
                names.retain(|name| !name.trim().is_empty());
                if names.len() > MOST_CLASSES || !all_within(&names, LONGEST_CLASS) {
                    return Err(format!(
                        "classes: expected at most {MOST_CLASSES} of {LONGEST_CLASS} characters"
                    ));
                }
                self.class_names = names;
            }
            "learned" => {
                let names = value.split(',').map(decode).collect::<Option<Vec<_>>>();
                let names = names.ok_or_else(unreadable)?;
                self.learned = plain_names(names.iter().map(String::as_str));
            }
            "template" => {
                let template = decode(value).ok_or_else(unreadable)?;
                let fits = template.chars().count() <= LONGEST_TEMPLATE;
                if !fits || self.templates.len() == MOST_TEMPLATES {
                    return Err(format!(
                        "template: expected at most {MOST_TEMPLATES} of {LONGEST_TEMPLATE} characters"
                    ));
                }
                self.templates.push(template);
            }
            _ => {
                let (Some(key), Some(value)) = (decode(key), decode(value)) else {
                    return Err("a setting is not readable as text".into());
                };
                if !all_within(&[&key], LONGEST_SETTING) || !all_within(&[&value], LONGEST_VALUE) {
                    return Err(format!("{key:.40}: too long for a setting"));
                }
                self.settings.push((key, value));
            }
        }
        Ok(())
    }
}

/// Names that are only read by people, as plain text and no longer than a line: the rest of
/// a longer one, and those after [`MOST_LEARNED`], are left out.
fn plain_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names = names.map(|name| {
        let plain = name.chars().filter(|c| !c.is_control() && !turns_text(*c));
        let plain: String = plain.take(LONGEST_LEARNED).collect();
        plain.trim().to_string()
    });
    let names = names.filter(|name| !name.is_empty());
    names.take(MOST_LEARNED).collect()
}

/// Whether `c` is one of Unicode's marks that change the direction of the text around
/// them, so that a name could look like another.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn all_within(texts: &[impl AsRef<str>], most: usize) -> bool {
    texts
        .iter()
        .all(|text| text.as_ref().chars().count() <= most)
}

/// Percent-encoded, a space as `+`. What programs that find links in a text take for
/// the end of one is encoded too.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        let is_last = at + 1 == text.len();
        match byte {
            b' ' => encoded.push('+'),
            b'.' if is_last => encoded.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The text of [`encode`]; none if it is no UTF-8, or a `%` lacks its digits.
fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(16 * high + low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
