//! Data sets known by name: those of CoOp's tables, and ImageNet's shifted kin, in
//! the folder layouts that their authors and CoOp's `DATASETS.md` document.
//!
//! What is known of each is one entry of a [table](Named); how a layout is read is
//! in `layout`.

mod imagenet;
mod layout;
mod locate;
mod lookup;
mod table;

pub use layout::Layout;
pub use locate::{Part, locate, missing_parts, parts};
pub use lookup::find;
pub use table::NAMED;

use std::path::Path;

use anyhow::Result;

use super::Dataset;
use crate::problem::problem;

/// What is known of a data set before a file of it is read.
#[derive(Debug)]
pub struct Named {
    /// As on the command line and in CoOp's configurations: `oxford_flowers`.
    pub name: &'static str,
    /// As in the tables of the papers: `Flowers102`.
    pub title: &'static str,
    /// Other names that are understood.
    pub also: &'static [&'static str],
    /// Its folder in the one that holds all data sets.
    pub folder: &'static str,
    /// Number of classes, as published.
    pub classes: usize,
    /// Numbers of images to train on, to validate and to test on, as published;
    /// 0 where there is no such split.
    pub images: [usize; 3],
    /// The template of CoOp's zero-shot CLIP (`trainers/zsclip.py`).
    pub template: &'static str,
    pub layout: Layout,
    /// Where each part is from: its path in the data set's folder, and the source.
    pub sources: &'static [(&'static str, &'static str)],
}

impl Named {
    /// Where a part is from.
    pub fn source(&self, part: &str) -> Option<&'static str> {
        let is_it = |(known, _): &&(&str, &'static str)| *known == part;
        self.sources.iter().find(is_it).map(|(_, source)| *source)
    }

    /// Lists the data set in `folder`, its own. Whether the images of a list exist
    /// is not asked.
    ///
    /// # Errors
    /// If a part is missing or does not follow its form.
    pub fn read(&'static self, folder: &Path) -> Result<Dataset> {
        let missing = missing_parts(self, folder);
        if let Some(part) = missing.iter().find(|part| !part.for_training_alone) {
            return Err(problem(
                format!(
                    "{} needs {}, which is missing",
                    self.title,
                    folder.join(part.path).display()
                ),
                format!(
                    "get it from {}; `clipwright data check {} {}` says what else is missing",
                    part.source,
                    self.name,
                    folder.display()
                ),
            ));
        }
        let mut dataset = self.layout.read(folder)?;
        dataset.name = Some(self.name);
        dataset.template = self.template.into();
        Ok(dataset)
    }
}
