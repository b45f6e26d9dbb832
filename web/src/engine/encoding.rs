//! Views of an image, made and encoded some at a time: what takes long about patches,
//! augmentations and tuning.

use candle_core::{Device, Tensor};
use clipwright_shared::clip::{Backbone, ImageConfig};
use clipwright_shared::threads;
use clipwright_shared::tuning::{View, ViewsInTurn};
use clipwright_shared::views::RgbImage;

use super::helpers::Helpers;
use super::{Failure, Memory};

/// Multiplications that take a browser some 20 ms.
const A_MOMENT: usize = 400_000_000;

/// Views encoded together at most.
const MOST_AT_ONCE: usize = 16;

/// Views on their way to features.
pub struct Encoding {
    views_to_come: ViewsInTurn,
    views: Vec<View>,
    batches: Vec<Batch>,
    /// What helpers see them through, if not as the model does; once they help.
    adapter: Option<Vec<u8>>,
}

/// Views that are encoded together.
struct Batch {
    first: usize,
    count: usize,
    features: Features,
}

enum Features {
    /// They come from a helper under this number.
    Awaited(u32),
    /// Nobody does, not any more: it is for this worker.
    Missing,
    Here(Tensor), // [count, embed_dim]
}

/// Where an encoding is after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    Some,
    /// The others are with helpers.
    AllButAwaited,
    All,
}

impl Encoding {
    pub fn new(views: ViewsInTurn) -> Self {
        Self {
            views_to_come: views,
            views: Vec::new(),
            batches: Vec::new(),
            adapter: None,
        }
    }

    /// Makes and encodes some more views as `learned` sees them, or as the model alone
    /// does; what helpers can do is done by them meanwhile.
    pub fn step(&mut self, memory: &mut Memory, learned: Option<&str>) -> Result<Encoded, Failure> {
        let (session, helpers) = memory.session_and_helpers()?;
        let encoder = session.image_encoder(learned)?;
        let config = &session.clip.config.image;
        let at_once = at_once(config);
        if let Some(helpers) = helpers {
            if self.batches.is_empty() {
                self.adapter = session.image_adapter(learned)?;
            }
            self.hand_out(helpers, config, at_once)?;
        }
        let missing = |batch: &Batch| matches!(batch.features, Features::Missing);
        let here = match self.batches.iter().position(missing) {
            found @ Some(_) => found,
            None => self.make(at_once)?,
        };
        let is_here = here.is_some();
        if let Some(at) = here {
            let pixels = self.pixels(at).cloned().collect::<Vec<_>>();
            let features = encoder.forward(&session.pixels(&pixels)?)?;
            self.batches[at].features = Features::Here(features.detach());
        }
        Ok(match self.done() >= self.total() {
            true => Encoded::All,
            false if is_here => Encoded::Some,
            // Nothing was left to be made.
            false => Encoded::AllButAwaited,
        })
    }

    /// Takes from helpers what they have done, and gives them more.
    fn hand_out(
        &mut self,
        helpers: &mut dyn Helpers,
        config: &ImageConfig,
        at_once: usize,
    ) -> Result<(), Failure> {
        if self.batches.is_empty() {
            helpers.expect(self.total() as f64 * multiplications(config) as f64);
        }
        for (number, features) in helpers.take() {
            let of = |batch: &&mut Batch| matches!(batch.features, Features::Awaited(it) if it == number);
            // What was asked for before is no longer wanted.
            let Some(batch) = self.batches.iter_mut().find(of) else {
                continue;
            };
            batch.features = match features {
                Some(features) => {
                    let shape = (batch.count, features.len() / batch.count.max(1));
                    Features::Here(Tensor::from_vec(features, shape, &Device::Cpu)?)
                }
                None => Features::Missing,
            };
        }
        while let Some(at) = self.make(at_once)? {
            let pixels = self
                .pixels(at)
                .flat_map(|view| view.as_raw().iter().copied());
            let pixels = pixels.collect::<Vec<_>>();
            let adapter = self.adapter.as_deref();
            let Some(number) = helpers.offer(config.side as u32, &pixels, adapter) else {
                break; // this worker does it
            };
            self.batches[at].features = Features::Awaited(number);
        }
        Ok(())
    }

    /// Makes some more views; the batch of them, if there were more to come.
    fn make(&mut self, at_once: usize) -> Result<Option<usize>, Failure> {
        let first = self.views.len();
        for view in self.views_to_come.by_ref().take(at_once) {
            self.views.push(view?);
        }
        let count = self.views.len() - first;
        if count == 0 {
            return Ok(None);
        }
        self.batches.push(Batch {
            first,
            count,
            features: Features::Missing,
        });
        Ok(Some(self.batches.len() - 1))
    }

    fn pixels(&self, batch: usize) -> impl Iterator<Item = &RgbImage> {
        let Batch { first, count, .. } = self.batches[batch];
        self.views[first..first + count]
            .iter()
            .map(|view| &view.pixels)
    }

    /// Views encoded so far.
    pub fn done(&self) -> usize {
        let here = |batch: &&Batch| matches!(batch.features, Features::Here(_));
        let batches = self.batches.iter().filter(here);
        batches.map(|batch| batch.count).sum()
    }

    /// Views in all.
    pub fn total(&self) -> usize {
        self.views_to_come.total()
    }

    /// Width and height of the image, in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.views_to_come.dimensions()
    }

    /// The views made so far.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Their features as the encoder gives them, `[views, embed_dim]`, once all are there.
    pub fn raw_features(&self) -> Result<Tensor, Failure> {
        let features = self
            .batches
            .iter()
            .filter_map(|batch| match &batch.features {
                Features::Here(features) => Some(features),
                _ => None,
            });
        Ok(Tensor::cat(&features.collect::<Vec<_>>(), 0)?)
    }
}

/// Opaque RGBA of an image, row by row.
pub fn rgba(image: &RgbImage) -> impl Iterator<Item = u8> {
    let pixels = image.pixels();
    pixels.flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2], u8::MAX])
}

/// As many views as take all threads a moment.
fn at_once(config: &ImageConfig) -> usize {
    let threads = threads().min(MOST_AT_ONCE);
    let in_a_moment = A_MOMENT * threads / multiplications(config).max(1);
    in_a_moment.clamp(threads, MOST_AT_ONCE)
}

/// Of one view.
fn multiplications(config: &ImageConfig) -> usize {
    match &config.backbone {
        Backbone::Vit { patch, tower } => {
            let tokens = (config.side / patch).pow(2) + 1;
            tokens * tower.multiplications(tokens)
        }
        // About so many; all released ones take longer than a moment for each.
        Backbone::ResNet { width, .. } => (config.side * width).pow(2) * 30,
    }
}
