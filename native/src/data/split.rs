//! Parts of a data set: its splits, and the two halves of its classes.

use std::ops::Range;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    Val,
    Test,
    /// Every image.
    All,
}

/// Which classes take part. Base and new are the two halves of the classes in
/// label order, the larger half first (KaiyangZhou/CoOp `subsample_classes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Subset {
    All,
    Base,
    New,
}

impl Subset {
    /// The labels that take part, of `classes` in all.
    pub fn labels(self, classes: usize) -> Range<usize> {
        let base = classes.div_ceil(2);
        match self {
            Self::All => 0..classes,
            Self::Base => 0..base,
            Self::New => base..classes,
        }
    }
}
