//! One labelled image.

use std::path::PathBuf;

/// One labelled image: listed, not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    /// Index into the class names, in label order.
    pub label: usize,
}
