//! What of the learned files a site needs: their class features, or themselves where the
//! text encoder goes with them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clipwright_shared::Session;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::interop::ReadOptions;
use clipwright_shared::learners::Method;
use clipwright_shared::session::ZERO_SHOT;

use crate::learned;
use crate::problem::problem;

/// A learned file of a site.
pub struct Chosen {
    /// As people see it.
    pub name: String,
    pub method: Method,
    file: LearnedFile,
    /// Its name in the session.
    path: String,
}

/// Reads the learned files into the session.
///
/// # Errors
/// As [`learned::load`].
pub fn choose(
    session: &mut Session,
    paths: &[PathBuf],
    options: &ReadOptions,
) -> Result<Vec<Chosen>> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for path in paths {
        let (info, mut file) = learned::load_with_file(session, path, options)?;
        file.metadata.model_fingerprint = Some(session.fingerprint().into());
        let taken = |name: &str| name == ZERO_SHOT || chosen.iter().any(|one| one.name == name);
        chosen.push(Chosen {
            name: free_name(&short_name(path), taken),
            method: info.method,
            file,
            path: info.name,
        });
    }
    Ok(chosen)
}

impl Chosen {
    /// Whether its text features are each image's own, so that the text encoder is
    /// needed.
    pub fn needs_text(&self) -> bool {
        self.method == Method::CoCoOp
    }

    /// The classes it was learned on.
    pub fn class_names(&self) -> &[String] {
        &self.file.metadata.facts.class_names
    }

    /// The file for a page that has the text encoder, or only class features.
    ///
    /// # Errors
    /// If it cannot tell these classes apart.
    pub fn bytes(
        &self,
        session: &mut Session,
        class_names: &[String],
        has_text: bool,
    ) -> Result<Vec<u8>> {
        let ready = session
            .ready_file(&self.path, class_names)
            .with_context(|| format!("{} cannot answer for these classes", self.path))?;
        Ok(match ready.filter(|_| !has_text) {
            Some(ready) => ready.to_bytes()?,
            None => self.file.to_bytes()?,
        })
    }
}

/// The classes that all learned files were learned on.
///
/// # Errors
/// If there are none, or they differ.
pub fn common_classes(chosen: &[Chosen]) -> Result<Vec<String>> {
    let hint = "name the classes that the page should tell apart with --classes";
    let mut lists = chosen.iter().filter(|one| !one.class_names().is_empty());
    let Some(first) = lists.next() else {
        let message = match chosen.is_empty() {
            true => "nothing says which classes the page should tell apart",
            false => "the learned files do not say which classes they were learned on",
        };
        return Err(problem(message, hint));
    };
    let sorted = |one: &Chosen| {
        let mut names = one.class_names().to_vec();
        names.sort();
        names
    };
    match lists.find(|other| sorted(other) != sorted(first)) {
        Some(other) => Err(problem(
            format!(
                "{} and {} were learned on different classes",
                first.path, other.path
            ),
            hint,
        )),
        None => Ok(first.class_names().to_vec()),
    }
}

/// `runs/coop/learned.safetensors` → `coop`: files of a run are all called the same.
fn short_name(path: &Path) -> String {
    let stem = |path: &Path| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let folder = path.parent().and_then(Path::file_name);
    match (stem(path), folder) {
        (Some(stem), Some(folder)) if stem == "learned" => folder.to_string_lossy().into_owned(),
        (Some(stem), _) if !path.is_dir() => stem,
        _ => path.file_name().map_or_else(
            || "learned".into(),
            |name| name.to_string_lossy().into_owned(),
        ),
    }
}

/// `name`, or with a number behind it.
fn free_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name} {number}"));
    let mut names = std::iter::once(name.to_string()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{free_name, short_name};
    use std::path::Path;

    #[test]
    fn names_are_short_and_different() {
        for (path, name) in [
            ("runs/coop/learned.safetensors", "coop"),
            ("learned.safetensors", "learned"),
            ("prompt.safetensors", "prompt"),
            ("run/model.pth.tar-50", "model.pth"),
        ] {
            assert_eq!(short_name(Path::new(path)), name, "{path}");
        }
        let taken = ["a", "a 2"];
        assert_eq!(free_name("a", |name| taken.contains(&name)), "a 3");
    }
}
