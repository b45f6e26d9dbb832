//! The training loop: crops of the training images, encoded ahead of the steps,
//! then one step for each batch.

use crate::progress::steps_bar;
use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::learners::{Coop, PromptTokens};
use clipwright_shared::train::{CoopTrainer, Schedule};
use clipwright_shared::views::{RandomResizedCrop, RgbImage};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainingPlan {
    pub seed: u64,
    pub batch: usize,
    pub schedule: Schedule,
    /// Random crops, new in every epoch; `None` encodes the test view once.
    pub augmentation: Option<RandomResizedCrop>,
}

/// One epoch's line of metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochReport {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean cross-entropy over the epoch's images, in nats.
    pub loss: f64,
    /// Share of the epoch's images recognised before their step.
    pub accuracy: f64,
    pub lr: f64,
}

/// Learns a context on `images` with their `labels`; calls `report` after each
/// epoch. The same seed gives the same result.
pub fn train_coop(
    session: &Session,
    coop: Coop,
    images: &[RgbImage],
    labels: &[usize],
    plan: &TrainingPlan,
    mut report: impl FnMut(&EpochReport) -> anyhow::Result<()>,
) -> anyhow::Result<Coop> {
    let tokens = PromptTokens::new(&session.tokenizer, &coop.class_names);
    let mut trainer = CoopTrainer::new(&session.clip, coop, &tokens)?;
    let epochs = plan.schedule.epochs;
    let steps = steps_per_epoch(images.len(), plan.batch);
    let bar = steps_bar(epochs * steps);
    let fixed = match plan.augmentation {
        Some(_) => None,
        None => Some(session.image_features(images)?),
    };
    for epoch in 0..epochs {
        let lr = plan.schedule.lr(epoch);
        let features = match (&fixed, &plan.augmentation) {
            (Some(features), _) => features.clone(),
            (None, augmentation) => {
                let augmentation = augmentation.unwrap_or_default();
                augmented_features(session, images, &augmentation, plan.seed, epoch)?
            }
        };
        let order = epoch_order(images.len(), plan.seed, epoch);
        let (mut loss, mut correct, mut seen) = (0.0, 0, 0);
        for batch in order.chunks(plan.batch).take(steps) {
            let index: Vec<u32> = batch.iter().map(|&image| image as u32).collect();
            let index = Tensor::new(index, &session.device)?;
            let batch_labels: Vec<u32> = batch.iter().map(|&image| labels[image] as u32).collect();
            let batch_labels = Tensor::new(batch_labels, &session.device)?;
            let features = features.index_select(&index, 0)?;
            let step = trainer.step(&session.clip, &features, &batch_labels, lr)?;
            loss += f64::from(step.loss) * batch.len() as f64;
            correct += step.correct;
            seen += batch.len();
            let accuracy = correct as f64 / seen as f64;
            bar.set_message(format!(
                "epoch {}/{epochs}  loss {:.3}  accuracy {:.1} %  lr {lr:.2e}",
                epoch + 1,
                loss / seen as f64,
                100.0 * accuracy
            ));
            bar.inc(1);
        }
        report(&EpochReport {
            epoch: epoch + 1,
            loss: loss / seen.max(1) as f64,
            accuracy: correct as f64 / seen.max(1) as f64,
            lr,
        })?;
    }
    bar.finish_and_clear();
    Ok(trainer.coop()?)
}

/// Incomplete batches are dropped only if there is a whole one, as in Dassl.
fn steps_per_epoch(images: usize, batch: usize) -> usize {
    match images < batch {
        true => 1,
        false => images / batch,
    }
}

/// A new order of the images for each epoch.
fn epoch_order(images: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(epoch as u64);
    let mut order: Vec<usize> = (0..images).collect();
    order.shuffle(&mut random);
    order
}

/// Normalised features `[images, embed_dim]` of one random crop of each image.
/// Every crop has a random stream of its own, so the result does not depend on
/// how many threads draw them.
fn augmented_features(
    session: &Session,
    images: &[RgbImage],
    augmentation: &RandomResizedCrop,
    seed: u64,
    epoch: usize,
) -> clipwright_shared::Result<Tensor> {
    let side = session.clip.config.image.side as u32;
    session.view_features(images.len(), |at| {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x_c1_1b);
        random.set_stream(((epoch as u64) << 32) + at as u64);
        augmentation.view(&images[at], side, &mut random)
    })
}
