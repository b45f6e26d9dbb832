//! Views made one after another: between two of them something else can be heard.

use image::RgbImage;

use super::{Augmenter, View};
use crate::error::Result;

/// The views of an image in the order of [`super::Layout`], the same as
/// [`Augmenter::views`] makes at once. Nothing follows an error.
#[derive(Debug)]
pub struct ViewsInTurn {
    augmenter: Augmenter,
    image: RgbImage,
    side: u32,
    seed: u64,
    made: usize,
    /// What the group of the last view begins with.
    plain: Option<View>,
}

impl ViewsInTurn {
    pub(super) fn new(augmenter: Augmenter, image: RgbImage, side: u32, seed: u64) -> Self {
        Self {
            augmenter,
            image,
            side,
            seed,
            made: 0,
            plain: None,
        }
    }

    /// How many there are in all.
    pub fn total(&self) -> usize {
        self.augmenter.layout().views()
    }

    /// Width and height of the image, in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.image.dimensions()
    }

    fn make(&mut self, at: usize) -> Result<View> {
        let Self {
            augmenter, image, ..
        } = self;
        let size = augmenter.layout().n_aug + 1;
        let plain = match self.plain.take().filter(|_| !at.is_multiple_of(size)) {
            Some(plain) => plain,
            None => augmenter.plain(image, self.side, at / size)?,
        };
        let view = augmenter.view(image, &plain, self.seed, at);
        self.plain = Some(plain);
        view
    }
}

impl Iterator for ViewsInTurn {
    type Item = Result<View>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.made;
        if at >= self.total() {
            return None;
        }
        let view = self.make(at);
        self.made = match view {
            Ok(_) => at + 1,
            Err(_) => self.total(),
        };
        Some(view)
    }
}
