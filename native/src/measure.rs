//! Measuring: features of a data set's images, what a classifier makes of them, and how
//! often that is right.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::clip::ImageEncoder;
use clipwright_shared::eval::{ConfusionMatrix, Metrics, TOP, ranked};
use clipwright_shared::learners::{Classifier, Learner};
use serde::{Deserialize, Serialize};

use crate::data::Item;
use crate::data::loader::{Images, Normalise, Order, PixelsAhead, ViewKind};
use crate::progress::steps_bar;

/// Views encoded together.
const VIEWS_PER_FORWARD: usize = 64;

/// How well a set of images was recognised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub metrics: Metrics,
    pub confusion: ConfusionMatrix,
}

/// Image features `[items, embed_dim]` of the test views of `items`, as `encoder` gives
/// them; decoding runs ahead of it, and no more images are in memory than that takes.
///
/// # Errors
/// If an image cannot be read; the message names it.
pub fn features(session: &Session, encoder: &ImageEncoder, items: &[Item]) -> Result<Tensor> {
    let paths = items.iter().map(|item| item.path.clone());
    let images = Arc::new(Images::with_budget(paths, 0));
    let recipe = Normalise::of(session).recipe(ViewKind::Test);
    let mut pixels = PixelsAhead::new(images, orders_of_all(items.len(), 0), recipe)?;
    encode(encoder, &session.device, &mut pixels, items.len())
}

/// All of `images` once, as many to a batch as are encoded together.
pub fn orders_of_all(images: usize, epoch: usize) -> impl Iterator<Item = Order> + Send {
    (0..images)
        .step_by(VIEWS_PER_FORWARD)
        .map(move |first| Order {
            epoch,
            images: (first..images.min(first + VIEWS_PER_FORWARD)).collect(),
        })
}

/// Features `[images, embed_dim]`, as `encoder` on `device` gives them, of the next `images`
/// views of [`orders_of_all`].
///
/// # Errors
/// If an image cannot be read; the message names it.
pub fn encode(
    encoder: &ImageEncoder,
    device: &Device,
    pixels: &mut PixelsAhead,
    images: usize,
) -> Result<Tensor> {
    let bar = steps_bar(images);
    bar.set_message("images encoded");
    let mut features = Vec::new();
    for pixels in pixels.take(images.div_ceil(VIEWS_PER_FORWARD)) {
        let pixels = pixels?.to_device(device)?;
        features.push(encoder.forward(&pixels)?.detach());
        bar.inc(pixels.dim(0)? as u64);
    }
    bar.finish_and_clear();
    Ok(Tensor::cat(&features, 0)?)
}

/// The most probable classes of each image, the best first; ties go to the first class.
pub fn rankings(classifier: &Classifier, features: &Tensor) -> Result<Vec<Vec<usize>>> {
    let mut rankings = Vec::new();
    let images = features.dim(0)?;
    for first in (0..images).step_by(VIEWS_PER_FORWARD) {
        let count = VIEWS_PER_FORWARD.min(images - first);
        let logits = classifier.logits(&features.narrow(0, first, count)?)?;
        for logits in logits.to_vec2::<f32>()? {
            let mut best = ranked(&logits);
            best.truncate(TOP);
            rankings.push(best);
        }
    }
    Ok(rankings)
}

/// Measures a classifier on image features `[items, embed_dim]`.
///
/// # Errors
/// If there are no images.
pub fn measure_features(
    classifier: &Classifier,
    features: &Tensor,
    labels: &[usize],
    class_names: &[String],
) -> Result<Measured> {
    let rankings = rankings(classifier, features)?;
    let first: Vec<usize> = rankings.iter().map(|best| best[0]).collect();
    Ok(Measured {
        metrics: Metrics::from_ranked(class_names, &rankings, labels)?,
        confusion: ConfusionMatrix::new(class_names, &first, labels)?,
    })
}

/// Measures zero-shot, or the learned file of that name, on `items`.
///
/// # Errors
/// As [`features`]; if the learned file does not know these classes.
pub fn measure(
    session: &mut Session,
    learned: Option<&str>,
    items: &[Item],
    class_names: &[String],
    templates: &[String],
) -> Result<Measured> {
    let classifier = session.classifier(learned, class_names, templates)?;
    let features = features(session, session.image_encoder(learned)?, items)?;
    let labels: Vec<usize> = items.iter().map(|item| item.label).collect();
    measure_features(&classifier, &features, &labels, class_names)
}

/// Validation images of a training.
pub struct Validation {
    items: Vec<Item>,
    labels: Vec<usize>,
    class_names: Vec<String>,
    /// Features that the model's own image encoder gives.
    features: Tensor,
}

impl Validation {
    /// Encodes the validation images once.
    pub fn new(session: &Session, items: Vec<Item>, class_names: &[String]) -> Result<Self> {
        Ok(Self {
            features: features(session, &session.clip.image, &items)?,
            labels: items.iter().map(|item| item.label).collect(),
            class_names: class_names.to_vec(),
            items,
        })
    }

    /// Share of the images that `learner` recognises.
    pub fn accuracy(&self, session: &Session, learner: &Learner) -> Result<f64> {
        let features = match learner.image_encoder(&session.clip)? {
            Some(encoder) => features(session, &encoder, &self.items)?,
            None => self.features.clone(),
        };
        let names = &self.class_names;
        let classifier = learner.classifier(&session.clip, &session.tokenizer, names)?;
        let measured = measure_features(&classifier, &features, &self.labels, names)?;
        Ok(measured.metrics.accuracy)
    }

    /// Image features `[images, embed_dim]`, not normalised, and their labels.
    pub fn material(&self) -> (&Tensor, &[usize]) {
        (&self.features, &self.labels)
    }
}
