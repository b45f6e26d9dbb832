//! How fast images come: read, decoded, cut, normalised, on threads of the loader's own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use super::median;
use super::parts::{Part, Timed};
use crate::data::loader::{Ahead, Images, Normalise, Order, PixelsAhead, ViewKind};
use crate::problem::problem;

/// What is loaded, and how.
pub struct Loading {
    pub images: Vec<PathBuf>,
    pub view: ViewKind,
    /// Edge of a view in pixels.
    pub side: u32,
    pub batch: usize,
    /// Threads that make batches.
    pub threads: usize,
    /// How often all images are read.
    pub passes: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadingFigures {
    pub images: usize,
    pub threads: usize,
    /// Of each pass over all images.
    pub seconds: Vec<f64>,
    /// In the median pass.
    pub images_per_second: f64,
    /// Added up over all passes and threads, longest first.
    pub parts: Vec<Part>,
}

/// Loads all images again and again; nothing is kept of them.
///
/// # Errors
/// If an image cannot be read, or there is nothing to do.
pub fn load(loading: &Loading) -> Result<LoadingFigures> {
    let images = loading.images.len();
    let counts = [
        ("images", images),
        ("side", loading.side as usize),
        ("batch", loading.batch),
        ("threads", loading.threads),
        ("passes", loading.passes),
    ];
    if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
        return Err(problem(
            format!("--{name} is 0"),
            "there has to be one at least",
        ));
    }
    let timed = Timed::start(None)?;
    let seconds: Result<Vec<f64>> = timed.during(|| {
        (0..loading.passes)
            .map(|pass| once(loading, pass))
            .collect()
    });
    let seconds = seconds?;
    let (parts, _) = timed.finish().context("the parts cannot be added up")?;
    Ok(LoadingFigures {
        images,
        threads: loading.threads,
        images_per_second: images as f64 / median(seconds.clone()),
        seconds,
        parts,
    })
}

/// Seconds of one pass.
fn once(loading: &Loading, pass: usize) -> Result<f64> {
    let begun = Instant::now();
    let images = Arc::new(Images::with_budget(loading.images.iter().cloned(), 0));
    let all: Vec<usize> = (0..images.len()).collect();
    let batches: Vec<Vec<usize>> = all.chunks(loading.batch).map(<[_]>::to_vec).collect();
    let orders = batches.into_iter().map(move |images| Order {
        epoch: pass,
        images,
    });
    let recipe = Normalise::to_side(loading.side).recipe(loading.view);
    let ahead = Ahead {
        threads: loading.threads,
        ..Ahead::default()
    };
    for pixels in PixelsAhead::with(images, orders, recipe, ahead)? {
        pixels?;
    }
    Ok(begun.elapsed().as_secs_f64())
}
