//! A data set: its classes, its images by split, and what is drawn from them.

use std::path::Path;

use anyhow::Result;
use clipwright_shared::learners::DEFAULT_TEMPLATE;
use clipwright_shared::learners::IMAGENET_TEMPLATES_SELECT;
use rayon::prelude::*;

use super::few_shot::{FewShot, MOST_VALIDATION_SHOTS, draw};
use super::python_random::PythonRandom;
use super::{Item, Split, Subset};
use crate::problem::problem;

/// Labelled images, listed but not read.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Names of the classes in label order.
    pub class_names: Vec<String>,
    /// Whether the source itself says which images are for training, validation
    /// and testing.
    pub has_splits: bool,
    /// The template that zero-shot CLIP uses for these images.
    pub template: String,
    /// The data set's name, such as `eurosat`, if it is one of the named.
    pub name: Option<&'static str>,
    /// Whether the images are from a list, and not from a folder's own entries.
    pub(super) is_listed: bool,
    /// In the order of the source: few-shot draws depend on it.
    pub(super) train: Vec<Item>,
    pub(super) val: Vec<Item>,
    pub(super) test: Vec<Item>,
}

/// Seed of the division of a source that has no splits: the same whatever the
/// run's own seed, so that test images are never trained on.
const DIVISION_SEED: u64 = 1;

impl Dataset {
    /// A data set of these classes, without images yet.
    pub(super) fn empty(class_names: Vec<String>, has_splits: bool) -> Self {
        Self {
            class_names,
            has_splits,
            template: DEFAULT_TEMPLATE.into(),
            name: None,
            is_listed: false,
            train: Vec::new(),
            val: Vec::new(),
            test: Vec::new(),
        }
    }

    /// Divides the images of one class as CoOp divides data sets without
    /// published splits: half for training, a fifth for validation, the rest for
    /// testing.
    pub(super) fn divide(&mut self, mut items: Vec<Item>) {
        PythonRandom::new(DIVISION_SEED).shuffle(&mut items);
        let train = items.len().div_ceil(2);
        let val = items.len() / 5;
        let mut test = items.split_off(train);
        let rest = test.split_off(val.min(test.len()));
        self.train.append(&mut items);
        self.val.append(&mut test);
        self.test.extend(rest);
    }

    /// The images of `split` whose classes are in `subset`, labels counted from
    /// 0 within it.
    pub fn items(&self, split: Split, subset: Subset) -> Vec<Item> {
        self.parts(split)
            .iter()
            .flat_map(|part| self.relabelled(part, subset))
            .collect()
    }

    /// The images that are listed and do not exist, in order.
    pub fn absent(&self) -> Vec<&Path> {
        if !self.is_listed {
            return Vec::new();
        }
        let all: Vec<&Item> = self.parts(Split::All).into_iter().flatten().collect();
        all.into_par_iter()
            .map(|item| item.path.as_path())
            .filter(|path| !path.is_file())
            .collect()
    }

    /// The templates that CoOp's ensemble averages for these images: seven of
    /// ImageNet's and, but for ImageNet, the data set's own
    /// (`trainers/zsclip.py`, `ZeroshotCLIP2`).
    pub fn ensemble_templates(&self) -> Vec<String> {
        let own = (self.name != Some("imagenet")).then(|| self.template.clone());
        let seven = IMAGENET_TEMPLATES_SELECT.into_iter().map(String::from);
        seven.chain(own).collect()
    }

    /// What is measured on if nothing else is said: the test images of a source that has
    /// splits, else all of them.
    pub fn usual_split(&self) -> Split {
        match self.has_splits {
            true => Split::Test,
            false => Split::All,
        }
    }

    /// Number of images in `split`.
    pub fn len(&self, split: Split) -> usize {
        self.parts(split).iter().map(|part| part.len()).sum()
    }

    /// The class names of `subset`, in label order.
    pub fn names(&self, subset: Subset) -> &[String] {
        &self.class_names[subset.labels(self.class_names.len())]
    }

    /// What a run with `seed` learns from and validates on: all images, or
    /// `shots` of each class as Dassl draws them. All classes are drawn before
    /// the subset is taken, the training images first, then at most four
    /// validation images of each class from the same stream of random numbers.
    ///
    /// # Errors
    /// If there is no image to train on, or a class of the subset has fewer than
    /// `shots`.
    pub fn few_shot(&self, shots: Option<usize>, seed: u64, subset: Subset) -> Result<FewShot> {
        self.refuse_too_few(shots, subset)?;
        let Some(shots) = shots else {
            return Ok(FewShot {
                train: self.items(Split::Train, subset),
                val: self.items(Split::Val, subset),
            });
        };
        let mut random = PythonRandom::new(seed);
        let mut drawn = |items: &[Item], shots: usize| -> Vec<Item> {
            let labels: Vec<usize> = items.iter().map(|item| item.label).collect();
            let picks = draw(&labels, shots, false, &mut random);
            let picked: Vec<Item> = picks.into_iter().map(|at| items[at].clone()).collect();
            self.relabelled(&picked, subset).collect()
        };
        let train = drawn(&self.train, shots);
        let val = drawn(&self.val, shots.min(MOST_VALIDATION_SHOTS));
        Ok(FewShot { train, val })
    }

    fn refuse_too_few(&self, shots: Option<usize>, subset: Subset) -> Result<()> {
        if shots == Some(0) {
            return Err(problem(
                "--shots is 0",
                "expected at least 1 image per class",
            ));
        }
        if self.train.is_empty() {
            let name = self.name.unwrap_or("this data set");
            return Err(problem(
                format!("{name} has no images to train on"),
                "train on another data set, and measure on this one with `clipwright eval`",
            ));
        }
        let mut counts = vec![0; self.class_names.len()];
        for item in &self.train {
            counts[item.label] += 1;
        }
        let wanted = shots.unwrap_or(1);
        for label in subset.labels(counts.len()) {
            let (name, images) = (&self.class_names[label], counts[label]);
            if images >= wanted {
                continue;
            }
            let divided = match self.has_splits {
                true => "",
                false => " (half of an undivided folder is for training)",
            };
            let message = match shots {
                Some(shots) => format!(
                    "class {name:?} has {images} training images; --shots asks for {shots}{divided}"
                ),
                None => format!("class {name:?} has no training images"),
            };
            let hint = match images {
                0 => "add training images of this class".into(),
                _ => format!("use --shots {images} or fewer, or add images"),
            };
            return Err(problem(message, hint));
        }
        Ok(())
    }

    fn parts(&self, split: Split) -> Vec<&[Item]> {
        match split {
            Split::Train => vec![&self.train],
            Split::Val => vec![&self.val],
            Split::Test => vec![&self.test],
            Split::All => vec![&self.train, &self.val, &self.test],
        }
    }

    fn relabelled<'a>(
        &self,
        items: &'a [Item],
        subset: Subset,
    ) -> impl Iterator<Item = Item> + use<'a> {
        let labels = subset.labels(self.class_names.len());
        let start = labels.start;
        items
            .iter()
            .filter(move |item| labels.contains(&item.label))
            .map(move |item| Item {
                path: item.path.clone(),
                label: item.label - start,
            })
    }
}
