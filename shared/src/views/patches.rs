//! Patches of an image with their surroundings, for test-time prompt tuning.

use image::RgbImage;

use super::CropBox;
use super::preprocess::view_of;
use crate::error::{Error, Result};

/// Boxes of a grid of `⌊√count⌋ × ⌊√count⌋` patches, row by row. Each reaches over
/// its cell by `overlap` of the cell's width and height, in whole pixels, but not
/// over the image. Pixels that do not divide are left out at the right and below
/// (the project's notebook, `crop_patches_with_overlap`).
///
/// # Errors
/// [`Error::Setting`] if the overlap is negative or no number, or a cell would
/// have no pixels.
pub fn patch_boxes(width: u32, height: u32, count: u32, overlap: f64) -> Result<Vec<CropBox>> {
    let grid = count.isqrt();
    if grid == 0 {
        return Ok(Vec::new());
    }
    if !(overlap >= 0.0 && overlap.is_finite()) {
        return Err(Error::setting("the overlap", overlap, "a number from 0 on"));
    }
    let (cell_width, cell_height) = (width / grid, height / grid);
    if cell_width == 0 || cell_height == 0 {
        return Err(Error::setting(
            "the number of patches",
            count,
            format!("no more than pixels along each side of {width} × {height}"),
        ));
    }
    let span = |at: u32, cell: u32, length: u32| {
        let margin = (f64::from(cell) * overlap) as u32;
        let first = (at * cell).saturating_sub(margin);
        let end = ((at + 1) * cell).saturating_add(margin).min(length);
        (first, end - first)
    };
    let boxes = (0..grid * grid).map(|at| {
        let (left, width) = span(at % grid, cell_width, width);
        let (top, height) = span(at / grid, cell_height, height);
        CropBox {
            left,
            top,
            width,
            height,
        }
    });
    Ok(boxes.collect())
}

/// The CLIP view of each of [`patch_boxes`], `side × side` pixels.
///
/// # Errors
/// Those of [`patch_boxes`]; [`Error::Image`] if a patch is too narrow.
pub fn patches(image: &RgbImage, count: u32, overlap: f64, side: u32) -> Result<Vec<RgbImage>> {
    let boxes = patch_boxes(image.width(), image.height(), count, overlap)?;
    boxes
        .into_iter()
        .map(|part| view_of(image, part, side))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::patch_boxes;

    #[test]
    fn grids_that_cannot_be_cut_are_refused() {
        for (count, overlap) in [(16, 0.0), (4, -0.1), (4, f64::NAN), (4, f64::INFINITY)] {
            let boxes = patch_boxes(3, 3, count, overlap);
            assert!(boxes.is_err(), "{count} patches with overlap {overlap}");
        }
        assert!(patch_boxes(3, 3, 0, 0.0).unwrap().is_empty());
    }
}
