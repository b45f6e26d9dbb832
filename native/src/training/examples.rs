//! What is trained on, epoch by epoch: the order of the images, their views, and what
//! of them goes into a step.

use std::sync::Arc;

use anyhow::Result;
use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::clip::normalise;
use clipwright_shared::train::{self, Input, Targets};
use clipwright_shared::views::{RandomResizedCrop, RgbImage, clip_view_of_rgb};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::mixing::Mixing;
use crate::data::loader::{Images, ViewsAhead};
use crate::measure::encode_ahead;
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

/// The batches of an epoch: a new order of the images, cut, and at most `most` of them.
pub(super) fn epoch_batches(
    images: usize,
    plan: &TrainingPlan,
    seed: u64,
    epoch: usize,
    most: usize,
) -> Vec<Vec<usize>> {
    let steps = plan.steps_per_epoch(images).min(most);
    train::epoch_batches(images, plan.batch, steps, seed, epoch)
}

/// Where the input of a step comes from.
pub(super) struct Source<'a> {
    session: &'a Session,
    examples: &'a Examples,
    plan: &'a TrainingPlan,
    seed: u64,
    kind: Kind,
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
            session,
            examples,
            plan,
            seed,
            kind: match (input, plan.augment, plan.cached_views) {
                (Input::Pixels, ..) => Kind::Pixels,
                (_, None, _) => Kind::Kept(vec![None]),
                (_, _, Some(views)) => Kind::Kept(vec![None; views]),
                _ => Kind::Encoded,
            },
        }
    }

    /// Image features of an epoch's views.
    fn features(&mut self, epoch: usize) -> Result<Tensor> {
        let Kind::Kept(kept) = &self.kind else {
            return self.encode(epoch);
        };
        let place = epoch % kept.len();
        if let Some(features) = &kept[place] {
            return Ok(features.clone());
        }
        let features = self.encode(place)?;
        if let Kind::Kept(kept) = &mut self.kind {
            kept[place] = Some(features.clone());
        }
        Ok(features)
    }

    /// The inputs of an epoch's batches, in order.
    pub fn epoch<'b>(
        &'b mut self,
        epoch: usize,
        batches: &'b [Vec<usize>],
    ) -> Result<Box<dyn Iterator<Item = Batch> + 'b>> {
        if let Kind::Pixels = self.kind {
            return self.pixels(epoch, batches);
        }
        let features = self.features(epoch)?;
        let source = &*self;
        Ok(Box::new(batches.iter().map(move |batch| {
            let index: Vec<u32> = batch.iter().map(|&image| image as u32).collect();
            let index = Tensor::new(index, &source.session.device)?;
            let targets = source.targets(batch)?;
            Ok((features.index_select(&index, 0)?, targets))
        })))
    }

    fn pixels<'b>(
        &'b self,
        epoch: usize,
        batches: &'b [Vec<usize>],
    ) -> Result<Box<dyn Iterator<Item = Batch> + 'b>> {
        // Mixed images are mixed with their like: the real ones of a batch stand first.
        let mut batches = batches.to_vec();
        for batch in &mut batches {
            batch.sort_by_key(|&image| image >= self.examples.real);
        }
        let views = ViewsAhead::new(
            self.examples.images.clone(),
            batches.clone(),
            self.view(epoch),
        )?;
        let mixed = views.zip(batches).enumerate();
        Ok(Box::new(mixed.map(move |(step, (views, batch))| {
            let pixels = self.session.pixels(&views?)?;
            let mixing = &self.examples.mixing;
            if mixing.is_off() {
                return Ok((pixels, self.targets(&batch)?));
            }
            let real = batch
                .iter()
                .filter(|&&image| image < self.examples.real)
                .count();
            let parts = [real, batch.len() - real];
            let labels: Vec<usize> = batch.iter().map(|&at| self.examples.labels[at]).collect();
            let place = ((epoch as u64) << 32) + step as u64;
            let (pixels, targets) = mixing.mix(
                &pixels,
                &labels,
                parts,
                self.examples.n_classes,
                self.plan.label_smoothing,
                [self.seed, place],
            )?;
            Ok((pixels, self.weighted(targets, &batch)?))
        })))
    }

    /// The right answers for the examples of a batch.
    fn targets(&self, batch: &[usize]) -> Result<Targets> {
        let labels: Vec<usize> = batch.iter().map(|&at| self.examples.labels[at]).collect();
        let mut targets = Targets::of(&labels, &self.session.device)?;
        let smoothing = self.plan.label_smoothing;
        if smoothing > 0.0 {
            targets = targets.softened(self.examples.n_classes, smoothing, None)?;
        }
        self.weighted(targets, batch)
    }

    fn weighted(&self, targets: Targets, batch: &[usize]) -> Result<Targets> {
        let Some(lambda) = self.examples.lambda else {
            return Ok(targets);
        };
        let synthetic: Vec<bool> = batch
            .iter()
            .map(|&image| image >= self.examples.real)
            .collect();
        Ok(targets.real_and_synthetic(&synthetic, lambda)?)
    }

    /// Normalised features `[images, embed_dim]` of this epoch's views, the decoding
    /// running ahead of the encoder.
    fn encode(&self, epoch: usize) -> Result<Tensor> {
        let images = self.examples.images.clone();
        let encoder = &self.session.clip.image;
        let features = encode_ahead(self.session, encoder, images, self.view(epoch))?;
        Ok(normalise(&features)?.detach())
    }

    /// How a view is made in `epoch`. Every crop has a random stream of its own, so the
    /// result does not depend on how many threads draw them.
    fn view(
        &self,
        epoch: usize,
    ) -> impl Fn(&RgbImage, usize, usize) -> clipwright_shared::Result<RgbImage> + Send + Sync + 'static
    {
        let side = self.session.clip.config.image.side as u32;
        let (augment, seed): (Option<RandomResizedCrop>, u64) = (self.plan.augment, self.seed);
        move |image, _, index| match &augment {
            None => clip_view_of_rgb(image, side),
            Some(augment) => {
                let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x_c1_1b);
                random.set_stream(((epoch as u64) << 32) + index as u64);
                augment.view(image, side, &mut random)
            }
        }
    }
}
