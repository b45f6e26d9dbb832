//! What is trained on, epoch by epoch: the order of the images, their views, and what
//! of them goes into a step.

use std::sync::Arc;

use anyhow::Result;
use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::clip::normalise;
use clipwright_shared::train::{self, Input, Targets};

use super::mixing::Mixing;
use crate::data::loader::{Images, Normalise, Order, PixelsAhead, Recipe, ViewKind};
use crate::measure::{encode, orders_of_all};
use crate::settings::TrainingPlan;

/// Labelled images; the synthetic ones behind the real ones.
pub struct Examples {
    pub images: Arc<Images>,
    pub labels: Vec<usize>,
    pub n_classes: usize,
    /// How many are real.
    pub real: usize,
    /// Weight of the real images' loss, where there may be synthetic ones.
    pub lambda: Option<f64>,
    pub mixing: Mixing,
}

impl Examples {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// The batches of an epoch: a new order of the images, cut, and at most `most` of them. In
/// each batch the first `real` images stand first: mixed images are mixed with their like.
pub(super) fn epoch_batches(
    [images, real]: [usize; 2],
    plan: &TrainingPlan,
    seed: u64,
    epoch: usize,
    most: usize,
) -> Vec<Vec<usize>> {
    let steps = plan.steps_per_epoch(images).min(most);
    let mut batches = train::epoch_batches(images, plan.batch, steps, seed, epoch);
    for batch in &mut batches {
        batch.sort_by_key(|&image| image >= real);
    }
    batches
}

/// Where the input of a step comes from.
pub(super) struct Source<'a> {
    of: Of<'a>,
    kind: Kind,
    /// Views of the epoch that came first and of all behind it: those of the next epoch
    /// are made while the last steps of one are done.
    pixels: Option<PixelsAhead>,
}

/// What is trained on, and how.
#[derive(Clone, Copy)]
struct Of<'a> {
    session: &'a Session,
    examples: &'a Examples,
    plan: &'a TrainingPlan,
    seed: u64,
}

enum Kind {
    /// Image features of each epoch's own views.
    Encoded,
    /// Image features of views that come back after as many epochs as there are places;
    /// encoded when they are first seen.
    Kept(Vec<Option<Tensor>>),
    Pixels,
}

/// A step's input with its right answers.
type Batch = Result<(Tensor, Targets)>;

impl<'a> Source<'a> {
    pub fn new(
        session: &'a Session,
        examples: &'a Examples,
        input: Input,
        plan: &'a TrainingPlan,
        seed: u64,
    ) -> Self {
        Self {
            of: Of {
                session,
                examples,
                plan,
                seed,
            },
            kind: match (input, plan.augment, plan.cached_views) {
                (Input::Pixels, ..) => Kind::Pixels,
                (_, None, _) => Kind::Kept(vec![None]),
                (_, _, Some(views)) => Kind::Kept(vec![None; views]),
                _ => Kind::Encoded,
            },
            pixels: None,
        }
    }

    /// The inputs of an epoch's batches, in order. Epochs follow each other.
    pub fn epoch<'b>(
        &'b mut self,
        epoch: usize,
        batches: &'b [Vec<usize>],
    ) -> Result<Box<dyn Iterator<Item = Batch> + 'b>> {
        let of = self.of;
        if let Kind::Pixels = self.kind {
            let pixels = self.pixels(epoch)?.zip(batches).enumerate();
            return Ok(Box::new(pixels.map(move |(step, (pixels, batch))| {
                let pixels = pixels?.to_device(&of.session.device)?;
                of.mixed(pixels, batch, [epoch, step])
            })));
        }
        let features = self.features(epoch)?;
        Ok(Box::new(batches.iter().map(move |batch| {
            let index: Vec<u32> = batch.iter().map(|&image| image as u32).collect();
            let index = Tensor::new(index, &of.session.device)?;
            Ok((features.index_select(&index, 0)?, of.targets(batch)?))
        })))
    }

    /// Image features of an epoch's views.
    fn features(&mut self, epoch: usize) -> Result<Tensor> {
        let place = match &self.kind {
            Kind::Kept(kept) => epoch % kept.len(),
            _ => 0,
        };
        if let Kind::Kept(kept) = &self.kind
            && let Some(features) = &kept[place]
        {
            return Ok(features.clone());
        }
        let Of {
            session, examples, ..
        } = self.of;
        // The decoding runs ahead of the encoder.
        let features = encode(
            &session.clip.image,
            &session.device,
            self.pixels(epoch)?,
            examples.len(),
        )?;
        let features = normalise(&features)?.detach();
        if let Kind::Kept(kept) = &mut self.kind {
            kept[place] = Some(features.clone());
        }
        Ok(features)
    }

    /// Views, those of `epoch` next.
    fn pixels(&mut self, epoch: usize) -> Result<&mut PixelsAhead> {
        let pixels = match self.pixels.take() {
            Some(pixels) => pixels,
            None => {
                let images = self.of.examples.images.clone();
                PixelsAhead::new(images, self.orders_from(epoch), self.of.recipe())?
            }
        };
        Ok(self.pixels.insert(pixels))
    }

    /// What is seen from `epoch` on.
    fn orders_from(&self, epoch: usize) -> Box<dyn Iterator<Item = Order> + Send> {
        let Of {
            examples,
            plan,
            seed,
            ..
        } = self.of;
        let (images, real) = (examples.len(), examples.real);
        let epochs = epoch..plan.epochs(images);
        match &self.kind {
            Kind::Pixels => {
                let plan = plan.clone();
                let steps = plan.steps(images);
                Box::new(epochs.flat_map(move |epoch| {
                    let left = steps - epoch * plan.steps_per_epoch(images);
                    let batches = epoch_batches([images, real], &plan, seed, epoch, left);
                    batches
                        .into_iter()
                        .map(move |images| Order { epoch, images })
                }))
            }
            Kind::Encoded => Box::new(epochs.flat_map(move |epoch| orders_of_all(images, epoch))),
            Kind::Kept(kept) => {
                let places = kept.len();
                let epochs = epochs.take(places);
                Box::new(epochs.flat_map(move |epoch| orders_of_all(images, epoch % places)))
            }
        }
    }
}

impl Of<'_> {
    /// How a view is made.
    fn recipe(self) -> Recipe<Tensor> {
        let seed = self.seed;
        let kind = match self.plan.augment {
            None => ViewKind::Test,
            Some(augment) => ViewKind::Crop { augment, seed },
        };
        Normalise::of(self.session).recipe(kind)
    }

    /// A batch's pixels and right answers, both mixed if images are to be.
    fn mixed(self, pixels: Tensor, batch: &[usize], [epoch, step]: [usize; 2]) -> Batch {
        let mixing = &self.examples.mixing;
        if mixing.is_off() {
            return Ok((pixels, self.targets(batch)?));
        }
        let real = batch
            .iter()
            .filter(|&&image| image < self.examples.real)
            .count();
        let (pixels, targets) = mixing.mix(
            &pixels,
            &self.labels(batch),
            [real, batch.len() - real],
            self.examples.n_classes,
            self.plan.label_smoothing,
            [self.seed, ((epoch as u64) << 32) + step as u64],
        )?;
        Ok((pixels, self.weighted(targets, batch)?))
    }

    fn labels(self, batch: &[usize]) -> Vec<usize> {
        batch.iter().map(|&at| self.examples.labels[at]).collect()
    }

    /// The right answers for the examples of a batch.
    fn targets(self, batch: &[usize]) -> Result<Targets> {
        let mut targets = Targets::of(&self.labels(batch), &self.session.device)?;
        let smoothing = self.plan.label_smoothing;
        if smoothing > 0.0 {
            targets = targets.softened(self.examples.n_classes, smoothing, None)?;
        }
        self.weighted(targets, batch)
    }

    fn weighted(self, targets: Targets, batch: &[usize]) -> Result<Targets> {
        let Some(lambda) = self.examples.lambda else {
            return Ok(targets);
        };
        let synthetic: Vec<bool> = batch
            .iter()
            .map(|&image| image >= self.examples.real)
            .collect();
        Ok(targets.real_and_synthetic(&synthetic, lambda)?)
    }
}
