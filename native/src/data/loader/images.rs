//! Decoded images, kept in memory as far as that reaches.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use clipwright_shared::views::RgbImage;

use crate::data::{Item, read_image};

/// Bytes of decoded images that are kept: enough for 16 shots of a hundred
/// classes of photographs.
pub const DEFAULT_BUDGET_BYTES: u64 = 2 << 30;

/// Images by index. Each is read when it is first asked for and then kept, until
/// a budget is spent; after that it is read each time.
#[derive(Debug)]
pub struct Images {
    paths: Vec<PathBuf>,
    kept: Vec<OnceLock<Arc<RgbImage>>>,
    budget_bytes: u64,
    kept_bytes: AtomicU64,
}

impl Images {
    /// Images kept up to [`DEFAULT_BUDGET_BYTES`]; none is read yet.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self::with_budget(paths, DEFAULT_BUDGET_BYTES)
    }

    /// As [`Images::new`], of the images of a data set.
    pub fn of(items: &[Item]) -> Self {
        Self::new(items.iter().map(|item| item.path.clone()))
    }

    /// Images kept up to a number of bytes; none is read yet.
    pub fn with_budget(paths: impl IntoIterator<Item = PathBuf>, budget_bytes: u64) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        Self {
            kept: paths.iter().map(|_| OnceLock::new()).collect(),
            paths,
            budget_bytes,
            kept_bytes: AtomicU64::new(0),
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Bytes of decoded pixels that are kept now.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    /// The image of that index, decoded.
    ///
    /// # Errors
    /// If there is no such index, or the file cannot be read or is no image; the
    /// message names the file.
    pub fn get(&self, index: usize) -> Result<Arc<RgbImage>> {
        let (Some(path), Some(kept)) = (self.paths.get(index), self.kept.get(index)) else {
            return Err(anyhow!("image {index} of {}", self.len()));
        };
        if let Some(image) = kept.get() {
            return Ok(Arc::clone(image));
        }
        let image = {
            let _span = tracing::trace_span!("decode").entered();
            Arc::new(read_image(path)?)
        };
        let bytes = image.as_raw().len() as u64;
        if self.reserve(bytes) && kept.set(Arc::clone(&image)).is_err() {
            // Another thread was first.
            self.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        Ok(image)
    }

    /// Takes `bytes` of the budget, if they are left.
    fn reserve(&self, bytes: u64) -> bool {
        let fits = |kept: u64| {
            let sum = kept.checked_add(bytes)?;
            (sum <= self.budget_bytes).then_some(sum)
        };
        self.kept_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_ok()
    }
}
