//! The built page, as `cargo xtask web` leaves it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::problem::problem;

/// Folders of the built page that a site has no use for: the embedded model, and the
/// samples that go with it.
const LEFT_OUT: [&str; 2] = ["model", "samples"];
/// Folders that are of use only where classes can be changed: class names of known data
/// sets, and the text encoder's vocabulary.
const FOR_TEXT: [&str; 2] = ["class_names", "vocabulary"];
/// Its own file, which is changed on the way.
const INDEX: &str = "index.html";
/// Where the page is beside the program.
const BESIDE: &str = "page";
/// Where the page is in a checkout.
const IN_CHECKOUT: &str = "web/dist";

/// The folder of a built page.
#[derive(Debug)]
pub struct BuiltPage {
    folder: PathBuf,
}

impl BuiltPage {
    /// The page in `folder`; else beside the program, or in the checkout that the current
    /// folder is in.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(folder: Option<&Path>) -> Result<Self> {
        if let Some(folder) = folder {
            return match is_page(folder) {
                true => Ok(Self {
                    folder: folder.into(),
                }),
                false => Err(problem(
                    format!("no built page is in {}", folder.display()),
                    "`cargo xtask web` builds it, into web/dist of a checkout",
                )),
            };
        }
        let program = std::env::current_exe().ok();
        let beside = program.and_then(|program| Some(program.parent()?.join(BESIDE)));
        let here = std::env::current_dir().unwrap_or_default();
        let in_checkout = here.ancestors().map(|folder| folder.join(IN_CHECKOUT));
        let mut places = beside.into_iter().chain(in_checkout);
        match places.find(|folder| is_page(folder)) {
            Some(folder) => Ok(Self { folder }),
            None => Err(problem(
                format!(
                    "no built page: neither a folder `{BESIDE}` beside this program nor \
                     {IN_CHECKOUT} here or above"
                ),
                "build it with `cargo xtask web` in a checkout, and name its folder with --page",
            )),
        }
    }

    /// The text of `index.html`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn index(&self) -> Result<String> {
        let path = self.folder.join(INDEX);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Every other file that a site needs, with a text encoder or without: where it is,
    /// and its name in the page with `/` between folders.
    ///
    /// # Errors
    /// If a folder cannot be listed.
    pub fn files(&self, has_text: bool) -> Result<Vec<(PathBuf, String)>> {
        let is_left_out =
            |name: &str| LEFT_OUT.contains(&name) || (FOR_TEXT.contains(&name) && !has_text);
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(inside) = folders.pop() {
            let folder = self.folder.join(&inside);
            let list = || format!("cannot list {}", folder.display());
            for entry in fs::read_dir(&folder).with_context(list)? {
                let entry = entry.with_context(list)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = entry.path();
                let name = match inside.is_empty() {
                    true => name,
                    false => format!("{inside}/{name}"),
                };
                if path.is_dir() {
                    if !is_left_out(&name) {
                        folders.push(name);
                    }
                } else if name != INDEX {
                    files.push((path, name));
                }
            }
        }
        files.sort();
        Ok(files)
    }
}

fn is_page(folder: &Path) -> bool {
    folder.join(INDEX).is_file()
}
