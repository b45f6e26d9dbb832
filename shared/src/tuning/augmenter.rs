//! The views of one image that tuning looks at (the project's notebook: `AugmenterTPT`,
//! `PatchAugmenter`).

use image::{RgbImage, imageops};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Layout, ViewsInTurn};
use crate::error::{Error, Result};
use crate::parallel::*;
use crate::views::augmix::{AugMix, AugMixDraw};
use crate::views::{
    CropBox, Filter, RandomResizedCrop, clip_view_of_rgb, patch_boxes, resample, view_of,
};

/// How views of an image are made. The first is always CLIP's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augmenter {
    /// `count` random crops of the image, some flipped, then mixed.
    Views {
        count: usize,
        crop: RandomResizedCrop,
        augmix: Option<AugMix>,
    },
    /// Parts of the image with their surroundings; `n_aug` mixed copies of the image and
    /// of each part (plain copies without AugMix).
    Patches {
        /// As many parts as the largest square number up to this.
        patches: usize,
        /// How far a part reaches over its cell, as a share of the cell.
        overlap: f64,
        n_aug: usize,
        augmix: Option<AugMix>,
    },
}

/// One view.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// `side × side`.
    pub pixels: RgbImage,
    /// Where in the image it comes from. Of what is not square, CLIP's view keeps the
    /// middle.
    pub source: CropBox,
    pub kind: ViewKind,
    pub is_flipped: bool,
    /// How it was mixed, if it was.
    pub mixed: Option<AugMixDraw>,
}

/// What a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// The image as CLIP sees it.
    Image,
    /// The image once more; copies count from 1.
    ImageCopy { copy: usize },
    /// A random crop; crops count from 1.
    Crop { crop: usize },
    /// A patch; patches count from 1, row by row.
    Patch { patch: usize },
    /// A patch once more.
    PatchCopy { patch: usize, copy: usize },
}

impl ViewKind {
    /// In words.
    pub fn label(self) -> String {
        match self {
            Self::Image => "the image".into(),
            Self::ImageCopy { copy } => format!("the image, copy {copy}"),
            Self::Crop { crop } => format!("crop {crop}"),
            Self::Patch { patch } => format!("patch {patch}"),
            Self::PatchCopy { patch, copy } => format!("patch {patch}, copy {copy}"),
        }
    }
}

impl Augmenter {
    /// The paper's and the notebook's: 63 crops (bilinear, as torchvision crops where
    /// nothing else is said), not mixed.
    pub fn tpt() -> Self {
        Self::Views {
            count: 63,
            crop: RandomResizedCrop {
                filter: Filter::Bilinear,
                ..RandomResizedCrop::default()
            },
            augmix: None,
        }
    }

    /// How its views follow each other. Of patches, as many as there really are.
    pub fn layout(&self) -> Layout {
        match *self {
            Self::Views { count, .. } => Layout {
                patches: 0,
                n_aug: count,
            },
            Self::Patches { patches, n_aug, .. } => Layout {
                patches: patches.isqrt().pow(2),
                n_aug,
            },
        }
    }

    /// # Errors
    /// [`Error::Setting`] for no views, no patches, an overlap outside 0 to 1, and
    /// crops or mixtures without sense.
    pub fn check(&self) -> Result<()> {
        let augmix = match self {
            Self::Views {
                count,
                crop,
                augmix,
            } => {
                if *count == 0 {
                    return Err(Error::setting("the number of views", 0, "1 or more"));
                }
                check_crop(crop)?;
                augmix
            }
            Self::Patches {
                patches,
                overlap,
                augmix,
                ..
            } => {
                if *patches == 0 {
                    return Err(Error::setting("the number of patches", 0, "1 or more"));
                }
                if !(0.0..1.0).contains(overlap) {
                    let expected = "from 0 on and below 1";
                    return Err(Error::setting("the overlap", overlap, expected));
                }
                augmix
            }
        };
        augmix.as_ref().map_or(Ok(()), AugMix::check)
    }

    /// The views of `image`, `side × side` pixels each, in the order of [`Layout`]. The
    /// same seed gives the same views: each has a random stream of its own.
    ///
    /// # Errors
    /// Those of [`Self::check`]; [`Error::Setting`] or [`Error::Image`] if the image is
    /// too small or too narrow for its patches.
    pub fn views(&self, image: &RgbImage, side: u32, seed: u64) -> Result<Vec<View>> {
        self.check()?;
        let layout = self.layout();
        let plain = (0..=layout.patches).into_par_iter();
        let plain = plain.map(|group| self.plain(image, side, group));
        let plain = plain.collect::<Result<Vec<_>>>()?;
        let views = (0..layout.views()).into_par_iter().map(|at| {
            let plain = &plain[at / (layout.n_aug + 1)];
            self.view(image, plain, seed, at)
        });
        views.collect()
    }

    /// The same views one after another, for those who must never be busy for long.
    ///
    /// # Errors
    /// Those of [`Self::check`]; of the image when its view is made.
    pub fn in_turn(self, image: RgbImage, side: u32, seed: u64) -> Result<ViewsInTurn> {
        self.check()?;
        Ok(ViewsInTurn::new(self, image, side, seed))
    }

    /// The view that a group of [`Layout`] begins with: the image's, or a patch's.
    pub(super) fn plain(&self, image: &RgbImage, side: u32, group: usize) -> Result<View> {
        match *self {
            Self::Patches {
                patches, overlap, ..
            } if group > 0 => patch_view(image, side, patches, overlap, group),
            _ => Ok(View::plain(
                clip_view_of_rgb(image, side)?,
                middle(image),
                ViewKind::Image,
            )),
        }
    }

    /// The view at a place of [`Layout`]; `plain` is the one that its group begins with.
    pub(super) fn view(
        &self,
        image: &RgbImage,
        plain: &View,
        seed: u64,
        at: usize,
    ) -> Result<View> {
        let mut random = stream(seed, at);
        match *self {
            Self::Views { crop, augmix, .. } if at > 0 => {
                let side = plain.pixels.width();
                cropped(image, side, &crop, at, &mut random)?.mixed_by(augmix, &mut random)
            }
            Self::Patches { n_aug, augmix, .. } if !at.is_multiple_of(n_aug + 1) => {
                let copy = plain.clone().copy(at % (n_aug + 1));
                copy.mixed_by(augmix, &mut random)
            }
            _ => Ok(plain.clone()),
        }
    }
}

impl View {
    fn plain(pixels: RgbImage, source: CropBox, kind: ViewKind) -> Self {
        Self {
            pixels,
            source,
            kind,
            is_flipped: false,
            mixed: None,
        }
    }

    /// The same as a copy.
    fn copy(mut self, copy: usize) -> Self {
        self.kind = match self.kind {
            ViewKind::Patch { patch } => ViewKind::PatchCopy { patch, copy },
            _ => ViewKind::ImageCopy { copy },
        };
        self
    }

    fn mixed_by(mut self, augmix: Option<AugMix>, random: &mut impl Rng) -> Result<Self> {
        if let Some(augmix) = augmix {
            let (width, height) = self.pixels.dimensions();
            let draw = augmix.draw(random, width, height)?;
            self.pixels = draw.apply(&self.pixels);
            self.mixed = Some(draw);
        }
        Ok(self)
    }
}

/// The seed of the views of the image with this index among many, of a whole run's seed.
pub fn view_seed(seed: u64, index: usize) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index as u64
}

/// The random numbers of one view.
fn stream(seed: u64, view: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(view as u64);
    random
}

fn cropped(
    image: &RgbImage,
    side: u32,
    crop: &RandomResizedCrop,
    at: usize,
    random: &mut impl Rng,
) -> Result<View> {
    let source = crop.draw(image.width(), image.height(), random);
    let pixels = resample(image, source, [side, side], crop.filter)?;
    let mut view = View::plain(pixels, source, ViewKind::Crop { crop: at });
    if random.random_bool(crop.flip) {
        imageops::flip_horizontal_in_place(&mut view.pixels);
        view.is_flipped = true;
    }
    Ok(view)
}

/// Patch `number`, counted from 1.
fn patch_view(
    image: &RgbImage,
    side: u32,
    count: usize,
    overlap: f64,
    number: usize,
) -> Result<View> {
    let count = u32::try_from(count)
        .map_err(|_| Error::setting("the number of patches", count, "a smaller number"))?;
    let boxes = patch_boxes(image.width(), image.height(), count, overlap)?;
    let source = *boxes
        .get(number - 1)
        .ok_or_else(|| Error::setting("the patch", number, format!("1 to {}", boxes.len())))?;
    let kind = ViewKind::Patch { patch: number };
    Ok(View::plain(view_of(image, source, side)?, source, kind))
}

/// The square in the middle of an image, which CLIP's view shows.
fn middle(image: &RgbImage) -> CropBox {
    let (width, height) = image.dimensions();
    let side = width.min(height);
    CropBox {
        left: (width - side) / 2,
        top: (height - side) / 2,
        width: side,
        height: side,
    }
}

/// What would leave a crop nothing to draw from.
fn check_crop(crop: &RandomResizedCrop) -> Result<()> {
    let is_range = |[low, high]: [f64; 2]| low > 0.0 && low <= high && high.is_finite();
    if !is_range(crop.scale) || crop.scale[1] > 1.0 {
        let got = format!("{:?}", crop.scale);
        let expected = "two shares above 0 and up to 1, the smaller first";
        return Err(Error::setting("the scale of crops", got, expected));
    }
    if !is_range(crop.ratio) {
        let got = format!("{:?}", crop.ratio);
        let expected = "two ratios above 0, the smaller first";
        return Err(Error::setting("the ratio of crops", got, expected));
    }
    if !(0.0..=1.0).contains(&crop.flip) {
        let expected = "between 0 and 1";
        return Err(Error::setting(
            "the probability of a flip",
            crop.flip,
            expected,
        ));
    }
    Ok(())
}
