//! A classifier's own page: the built page with only the weights that it needs, as a
//! folder that any file host serves.
//!
//! ```text
//! index.html   the page's, with the site's title and description
//! site.json    what the page is told: classes, templates, files
//! site/        the model and what was learned on it
//! …            the rest of the built page
//! ```

mod built_page;
mod index_html;
mod learners;
mod manifest;
mod words;

pub use built_page::BuiltPage;
pub use index_html::{Described, describe};
pub use learners::{Chosen, choose, common_classes};
pub use manifest::{MANIFEST, described_manifest};
pub use words::{description, title};

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::problem::problem;

/// A folder that appears whole or not at all.
pub struct NewFolder {
    out: PathBuf,
    temporary: TempDir,
}

impl NewFolder {
    /// Begins the folder `out`.
    ///
    /// # Errors
    /// If something is there already, or nothing can be written beside it.
    pub fn begin(out: &Path) -> Result<Self> {
        let is_empty = match fs::read_dir(out) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !out.exists(),
        };
        if !is_empty {
            return Err(problem(
                format!(
                    "{} is there already and is not an empty folder",
                    out.display()
                ),
                "choose another --out, or empty the folder first",
            ));
        }
        let beside = match out.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let begin = || -> Result<TempDir> {
            fs::create_dir_all(beside)?;
            let mut builder = tempfile::Builder::new();
            Ok(builder.suffix(".partial").tempdir_in(beside)?)
        };
        let temporary = begin().with_context(|| format!("cannot write {}", out.display()))?;
        Ok(Self {
            out: out.into(),
            temporary,
        })
    }

    /// Writes one file; returns its size.
    ///
    /// # Errors
    /// If it cannot be written, or `content` fails.
    pub fn write(
        &self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<u64> {
        let path = self.temporary.path().join(name);
        let write = || -> Result<u64> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut writer = BufWriter::new(fs::File::create(&path)?);
            content(&mut writer)?;
            writer.flush()?;
            Ok(fs::metadata(&path)?.len())
        };
        write().with_context(|| format!("cannot write {name}"))
    }

    /// Copies a file; returns its size.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub fn copy(&self, from: &Path, name: &str) -> Result<u64> {
        self.write(name, |writer| {
            let mut reader =
                fs::File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
            std::io::copy(&mut reader, writer)?;
            Ok(())
        })
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// If something has taken its place meanwhile.
    pub fn finish(self) -> Result<()> {
        let finish = || -> Result<()> {
            readable_by_all(self.temporary.path())?;
            if self.out.exists() {
                fs::remove_dir(&self.out)?; // empty, as `begin` has seen
            }
            fs::rename(self.temporary.path(), &self.out)?;
            Ok(())
        };
        finish().with_context(|| format!("cannot write {}", self.out.display()))
    }
}

/// Temporary folders are private; what they become should be as readable as any.
#[cfg(unix)]
fn readable_by_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(
        folder,
        fs::Permissions::from_mode(0o755),
    )?)
}

#[cfg(not(unix))]
fn readable_by_all(_: &Path) -> Result<()> {
    Ok(())
}
