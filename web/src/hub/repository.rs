//! Which repository is meant, as people write it: `owner/name`, `owner/name@revision`,
//! or the address of its page.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::state::Problem;

/// The revision where none is asked for.
const MAIN: &str = "main";

/// The Hub takes no longer names.
const LONGEST_NAME: usize = 96;

/// Hosts whose addresses are understood.
const HOSTS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];

/// First parts of paths that lead to something else than a model.
const NO_MODELS: [&str; 8] = [
    "datasets",
    "spaces",
    "collections",
    "docs",
    "blog",
    "papers",
    "models",
    "api",
];

/// A repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// `owner/name`, or `name` alone for a few old ones.
    pub name: String,
    /// Branch, tag or commit.
    pub revision: String,
}

impl Repository {
    /// Reads what a person typed or pasted.
    ///
    /// # Errors
    /// If it is neither a repository's name nor the address of one.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let (name, revision) = match of_address(text) {
            Some(path) => of_path(path?)?,
            None => match text.split_once('@') {
                Some((name, revision)) => (name.to_string(), revision.to_string()),
                None => (text.to_string(), MAIN.into()),
            },
        };
        if !is_name(&name) {
            return Err(Problem::new(
                format!("“{name}” is no repository of the Hub"),
                "write owner/name, such as laion/CLIP-ViT-B-32-laion2B-s34B-b79K, or paste the \
                 address of its page",
            ));
        }
        if !is_revision(&revision) {
            return Err(Problem::new(
                format!("“{revision}” is no revision"),
                "behind the @ stands a branch, a tag or a commit, such as main",
            ));
        }
        Ok(Self { name, revision })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.revision == MAIN {
            true => Ok(()),
            false => write!(f, "@{}", self.revision),
        }
    }
}

/// The path of an address of the Hub; `None` if it is no address.
fn of_address(text: &str) -> Option<Result<&str, Problem>> {
    let (_, rest) = match text.split_once("://") {
        Some(parts) => parts,
        // Without a scheme the host alone tells.
        None => {
            let host = text.split('/').next().unwrap_or_default();
            HOSTS.contains(&host).then_some(("", text))?
        }
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !HOSTS.contains(&host.to_ascii_lowercase().as_str()) {
        return Some(Err(Problem::new(
            format!("{host} is not the Hugging Face Hub"),
            "download the file there and drop it here, or name a repository on huggingface.co",
        )));
    }
    Some(Ok(path.split(['?', '#']).next().unwrap_or_default()))
}

/// Name and revision of `owner/name[/tree/revision[/…]]`.
fn of_path(path: &str) -> Result<(String, String), Problem> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.first().is_some_and(|first| NO_MODELS.contains(first)) {
        return Err(Problem::new(
            format!("huggingface.co/{path} is no model"),
            "open the page of a model and paste its address",
        ));
    }
    let at = parts
        .iter()
        .position(|part| ["tree", "blob", "resolve", "commit", "raw"].contains(part));
    let name = parts[..at.unwrap_or(parts.len()).min(2)].join("/");
    let revision = at.and_then(|at| parts.get(at + 1));
    let revision = revision.map_or(MAIN.into(), |part| part.replace("%2F", "/"));
    Ok((name, revision))
}

/// Whether it could be a repository's name: the Hub's own rule.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty()
            && part.bytes().all(plain)
            && !part.starts_with(['-', '.'])
            && !part.ends_with(['-', '.'])
            && !part.contains("--")
            && !part.contains("..")
            && !part.ends_with(".git")
    };
    name.len() <= LONGEST_NAME && name.split('/').count() <= 2 && name.split('/').all(is_part)
}

/// Whether it could be a branch, a tag or a commit; it becomes a part of an address.
fn is_revision(revision: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+=".contains(&byte);
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(plain)
            && !part.starts_with(['-', '.'])
            && !part.contains("..")
    };
    revision.len() <= 255 && revision.split('/').all(is_part)
}

/// Whether it is a commit's full hash.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn names_and_addresses_are_understood() {
        for (text, name, revision) in [
            (
                "openai/clip-vit-base-patch16",
                "openai/clip-vit-base-patch16",
                "main",
            ),
            ("  wkcn/TinyCLIP ", "wkcn/TinyCLIP", "main"),
            ("gpt2", "gpt2", "main"),
            ("owner/name@v1.0", "owner/name", "v1.0"),
            ("owner/name@refs/pr/3", "owner/name", "refs/pr/3"),
            ("https://huggingface.co/owner/name", "owner/name", "main"),
            ("https://huggingface.co/owner/name/", "owner/name", "main"),
            (
                "http://www.huggingface.co/owner/name?a=b#c",
                "owner/name",
                "main",
            ),
            ("huggingface.co/owner/name", "owner/name", "main"),
            ("hf.co/owner/name/tree/v2", "owner/name", "v2"),
            (
                "https://hf.co/owner/name/blob/dev/model.safetensors",
                "owner/name",
                "dev",
            ),
            (
                "https://huggingface.co/owner/name/tree/refs%2Fpr%2F3/sub",
                "owner/name",
                "refs/pr/3",
            ),
            (
                "https://huggingface.co/gpt2/resolve/main/config.json",
                "gpt2",
                "main",
            ),
            (
                "https://huggingface.co/owner/name/discussions/4",
                "owner/name",
                "main",
            ),
        ] {
            let read = Repository::read(text).unwrap();
            assert_eq!(
                (&read.name[..], &read.revision[..]),
                (name, revision),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_none_is_refused_with_a_hint() {
        for (text, words) in [
            ("", "no repository"),
            ("a/b/c", "no repository"),
            ("owner/..", "no repository"),
            ("owner/na me", "no repository"),
            ("owner/name.git", "no repository"),
            ("-owner/name", "no repository"),
            ("owner/na--me", "no repository"),
            (&"a".repeat(97), "no repository"),
            ("owner/name@", "no revision"),
            ("owner/name@../main", "no revision"),
            ("owner/name@a b", "no revision"),
            ("https://example.com/owner/name", "not the Hugging Face Hub"),
            (
                "https://huggingface.co.example.com/owner/name",
                "not the Hugging Face Hub",
            ),
            ("https://huggingface.co/datasets/owner/name", "is no model"),
            ("https://huggingface.co/", "no repository"),
        ] {
            let problem = Repository::read(text).unwrap_err();
            assert!(problem.message.contains(words), "{text}: {problem:?}");
            assert!(problem.hint.is_some(), "{text}");
        }
    }

    #[test]
    fn a_repository_is_written_as_it_is_read() {
        for text in ["owner/name", "owner/name@refs/pr/3"] {
            assert_eq!(Repository::read(text).unwrap().to_string(), text);
        }
    }
}
