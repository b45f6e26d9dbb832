//! Rust sources as the tidy rules read them: without comments and literals, and
//! with their imports spelled out.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A `.rs` file.
#[derive(Debug)]
pub struct Source {
    /// Relative to the folder that was searched, with `/` between its parts.
    pub path: String,
    pub text: String,
}

/// Every `.rs` file below `folder`, sorted by path. Folders that hold artefacts
/// are left out.
pub fn sources(folder: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let path = folder.join(&relative);
        let entries = fs::read_dir(&path);
        for entry in entries.with_context(|| format!("cannot list {}", path.display()))? {
            let entry = entry?;
            let inside = relative.join(entry.file_name());
            if entry.path().is_dir() {
                let name = entry.file_name();
                if name != "target" && name != "dist" && !name.to_string_lossy().starts_with('.') {
                    folders.push(inside);
                }
            } else if inside
                .extension()
                .is_some_and(|extension| extension == "rs")
            {
                let text = fs::read_to_string(entry.path())
                    .with_context(|| format!("cannot read {}", entry.path().display()))?;
                sources.push(Source {
                    path: inside.to_string_lossy().replace('\\', "/"),
                    text,
                });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// `text` with every comment, string and character blanked out; line breaks stay.
pub fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = literal_length(rest, code.chars().next_back());
        let (part, blank) = match skipped {
            Some(length) => (&rest[..length], true),
            None => (&rest[..first.len_utf8()], false),
        };
        for character in part.chars() {
            code.push(if blank && character != '\n' {
                ' '
            } else {
                character
            });
        }
        rest = &rest[part.len()..];
    }
    code
}

/// The length of the comment or literal that `rest` starts with.
fn literal_length(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted_length(rest, '"').unwrap_or(rest.len()));
    }
    let in_word = before.is_some_and(|before| before.is_alphanumeric() || before == '_');
    if !in_word && (rest.starts_with("r\"") || rest.starts_with("r#")) {
        let hashes = rest[1..]
            .chars()
            .take_while(|&character| character == '#')
            .count();
        let body = rest[1 + hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let start = rest.len() - body.len();
        return Some(
            body.find(&end)
                .map_or(rest.len(), |at| start + at + end.len()),
        );
    }
    if rest.starts_with('\'') {
        // A lifetime has no closing quote after one character.
        let length = quoted_length(rest, '\'')?;
        let inside = &rest[1..length - 1];
        return (inside.starts_with('\\') || inside.chars().count() == 1).then_some(length);
    }
    None
}

/// The length of a literal in `quote`s, escapes heeded.
fn quoted_length(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Block comments nest.
fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Every path with `::` in `code` (see [`code_only`]), with `use a::{b, c}`
/// spelled out as `a::b` and `a::c`.
pub fn paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(|character: char| is_word(character)) {
        let (word_before, tail) = rest.split_at(start);
        let word = &tail[..tail.find(|c: char| !is_word(c)).unwrap_or(tail.len())];
        let after = &tail[word.len()..];
        if word == "use" && !word_before.ends_with('#') {
            let end = after.find(';').unwrap_or(after.len());
            let tree: String = after[..end]
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            expand("", &tree, &mut paths);
            rest = &after[end..];
            continue;
        }
        let path_length = tail
            .find(|character: char| !is_word(character) && character != ':')
            .unwrap_or(tail.len());
        let path = tail[..path_length].trim_end_matches(':');
        if path.contains("::") {
            paths.push(path.to_string());
        }
        rest = &tail[path_length.max(word.len())..];
    }
    paths
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Spells out one tree of a `use`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree).trim();
        if !path.is_empty() {
            paths.push(format!("{prefix}{path}"));
        }
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inside = tree[open + 1..].trim_end().trim_end_matches('}');
    // Closing braces of inner groups were trimmed with this one's; give them back.
    let missing = inside.matches('{').count() - inside.matches('}').count();
    let inside = format!("{inside}{}", "}".repeat(missing));
    let (mut depth, mut start) = (0, 0);
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &inside[start..at], paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&prefix, &inside[start..], paths);
}

#[cfg(test)]
mod tests {
    use super::{code_only, paths};

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "a // b\nc /* d /* e */ f */ g \"h \\\" i\" r#\"j \" k\"# 'l' '\\'' &'m n";
        let code = code_only(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(
            code.split_whitespace().collect::<Vec<_>>(),
            ["a", "c", "g", "&'m", "n"]
        );
    }

    #[test]
    fn paths_are_spelled_out() {
        let code = "use crate::{clip::Clip, ops::{self, exp as e}};\n\
                    pub use std::fs;\n\
                    fn f() -> crate::error::Result<()> { std::thread::sleep(used) }";
        let expected = [
            "crate::clip::Clip",
            "crate::ops::self",
            "crate::ops::exp",
            "std::fs",
            "crate::error::Result",
            "std::thread::sleep",
        ];
        assert_eq!(paths(code), expected);
    }
}
