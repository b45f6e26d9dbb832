//! Synthetic images: which classes need them, which are kept, and how they are listed
//! beside the real ones (DISEF, da Costa et al. 2023; seed 001's selection).

use std::path::{Path, PathBuf};

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::clip::ImageEncoder;
use clipwright_shared::learners::Classifier;

use crate::data::{Item, folder_names, image_files};
use crate::measure::{features, rankings};
use crate::problem::problem;
use crate::settings::did_you_mean;

/// Where `synthetic filter` puts what it does not keep.
pub const DISCARDED: &str = "discarded";

/// The images in `folder`, one folder for each class; classes may have none.
///
/// # Errors
/// If the folder is missing, has no images, or has one for a class that does not take
/// part.
pub fn synthetic_items(folder: &Path, class_names: &[String]) -> Result<Vec<Item>> {
    if !folder.is_dir() {
        return Err(problem(
            format!("{} is not a folder", folder.display()),
            "expected a folder with one folder of synthetic images for each class",
        ));
    }
    let mut items = Vec::new();
    for name in folder_names(folder)? {
        let label = class_names.iter().position(|class| *class == name);
        let Some(label) = label else {
            if name == DISCARDED {
                continue;
            }
            let nearest = did_you_mean(&name, class_names.iter().map(String::as_str));
            return Err(problem(
                format!(
                    "{} is no class that takes part",
                    folder.join(&name).display()
                ),
                nearest,
            ));
        };
        let files = image_files(&folder.join(&name))?;
        items.extend(files.into_iter().map(|path| Item { path, label }));
    }
    match items.is_empty() {
        true => Err(problem(
            format!("{} has no images", folder.display()),
            "expected a folder with one folder of synthetic images for each class",
        )),
        false => Ok(items),
    }
}

/// What becomes of a synthetic image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The model takes it for its class.
    Kept,
    /// Kept unseen, since too many of its class had been rejected.
    Waived,
    /// The model takes it for this class.
    Rejected { predicted: usize },
    /// There are enough of its class already.
    Surplus,
}

/// What synthetic images are looked at with.
pub struct Sieve<'a> {
    pub session: &'a Session,
    pub encoder: &'a ImageEncoder,
    pub classifier: &'a Classifier,
    /// Rejections of a class after which the rest of it is kept.
    pub waive_after: usize,
    /// Most images kept of a class.
    pub most: Option<usize>,
}

/// Images looked at together.
const AT_ONCE: usize = 64;

impl Sieve<'_> {
    /// What becomes of each of `files`, images of the class `label`, in their order.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn sift(&self, files: &[PathBuf], label: usize) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        let (mut kept, mut rejected) = (0, 0);
        for files in files.chunks(AT_ONCE) {
            let items: Vec<Item> = files
                .iter()
                .map(|path| Item {
                    path: path.clone(),
                    label,
                })
                .collect();
            let enough = |kept: usize| self.most.is_some_and(|most| kept >= most);
            if enough(kept) {
                verdicts.extend(files.iter().map(|_| Verdict::Surplus));
                continue;
            }
            let features = features(self.session, self.encoder, &items)?;
            for ranking in rankings(self.classifier, &features)? {
                let verdict = if enough(kept) {
                    Verdict::Surplus
                } else if rejected >= self.waive_after {
                    Verdict::Waived
                } else if ranking[0] == label {
                    Verdict::Kept
                } else {
                    rejected += 1;
                    Verdict::Rejected {
                        predicted: ranking[0],
                    }
                };
                kept += usize::from(matches!(verdict, Verdict::Kept | Verdict::Waived));
                verdicts.push(verdict);
            }
        }
        Ok(verdicts)
    }
}
