//! Views as an encoder takes them: normalised pixels.

use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::clip::{MEAN, STANDARD_DEVIATION};
use clipwright_shared::views::{
    RandomResizedCrop, RgbImage, clip_view_of_rgb, normalise_pixels_by,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Recipe, ViewsAhead};

/// Batches of normalised pixels `[B, 3, side, side]`, on the CPU: a GPU is driven from one
/// thread, and whoever uses them moves them there.
pub type PixelsAhead = ViewsAhead<Tensor>;

/// Which view is made of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ViewKind {
    /// The one that CLIP was tested on.
    Test,
    /// A crop of its own in each epoch.
    Crop {
        augment: RandomResizedCrop,
        seed: u64,
    },
}

impl ViewKind {
    /// The view of the image of index `index` in `epoch`. Every crop has a random stream
    /// of its own, so that it does not depend on how many threads draw them.
    pub fn view(
        self,
        image: &RgbImage,
        side: u32,
        index: usize,
        epoch: usize,
    ) -> clipwright_shared::Result<RgbImage> {
        match self {
            Self::Test => clip_view_of_rgb(image, side),
            Self::Crop { augment, seed } => {
                let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x_c1_1b);
                random.set_stream(((epoch as u64) << 32) + index as u64);
                augment.view(image, side, &mut random)
            }
        }
    }
}

/// What views become for a model.
#[derive(Debug, Clone)]
pub struct Normalise {
    pub side: u32,
    pub mean: [f32; 3],
    pub standard_deviation: [f32; 3],
}

impl Normalise {
    /// As the session's image encoder takes them.
    pub fn of(session: &Session) -> Self {
        let image = &session.clip.config.image;
        Self {
            side: image.side as u32,
            mean: image.mean,
            standard_deviation: image.standard_deviation,
        }
    }

    /// As OpenAI's models take images of `side × side` pixels.
    pub fn to_side(side: u32) -> Self {
        Self {
            side,
            mean: MEAN,
            standard_deviation: STANDARD_DEVIATION,
        }
    }

    /// How batches of views of that kind are made.
    pub fn recipe(self, kind: ViewKind) -> Recipe<Tensor> {
        let side = self.side;
        Recipe::new(
            move |image, index, epoch| kind.view(image, side, index, epoch),
            move |views| {
                let [mean, deviation] = [self.mean, self.standard_deviation];
                normalise_pixels_by(&views, mean, deviation, &Device::Cpu)
            },
        )
    }
}
