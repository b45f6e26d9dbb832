//! Photographs that are made up: of the size of ImageNet's, as hard to decode, the same
//! each time.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clipwright_shared::views::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::problem::problem;

const WIDTH: u32 = 500;
const HEIGHT: u32 = 375;
const QUALITY: u8 = 90;
/// Sides of the squares of one colour, in pixels; they lie over each other.
const GRAINS: [u32; 3] = [96, 17, 3];

/// Photographs in a folder of their own, which goes with them.
pub struct Photos {
    folder: TempDir,
    paths: Vec<PathBuf>,
}

impl Photos {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

/// Makes `count` of them.
///
/// # Errors
/// If `count` is 0, or they cannot be written.
pub fn photos(count: usize) -> Result<Photos> {
    if count == 0 {
        return Err(problem("--images is 0", "there has to be one at least"));
    }
    let folder = tempfile::tempdir().context("no folder for photographs")?;
    let mut paths = Vec::new();
    for number in 0..count {
        let path = folder.path().join(format!("{number:04}.jpg"));
        let file = BufWriter::new(File::create(&path)?);
        JpegEncoder::new_with_quality(file, QUALITY)
            .encode_image(&photo(number as u64))
            .with_context(|| format!("cannot write {}", path.display()))?;
        paths.push(path);
    }
    Ok(Photos { folder, paths })
}

fn photo(number: u64) -> RgbImage {
    let mut random = ChaCha8Rng::seed_from_u64(number);
    let mut layers = GRAINS.map(|grain| {
        let (columns, rows) = (WIDTH.div_ceil(grain), HEIGHT.div_ceil(grain));
        RgbImage::from_fn(columns, rows, |_, _| image::Rgb(random.random()))
    });
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let mut sum = [0u32; 3];
        for (layer, grain) in layers.iter_mut().zip(GRAINS) {
            let pixel = layer.get_pixel(x / grain, y / grain);
            for (sum, value) in sum.iter_mut().zip(pixel.0) {
                // The finer, the fainter.
                *sum += u32::from(value) * grain;
            }
        }
        let whole: u32 = GRAINS.iter().sum();
        image::Rgb(sum.map(|sum| (sum / whole) as u8))
    })
}
