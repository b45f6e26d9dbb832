//! What is counted while images are tuned on, under the notebook's names.

use std::path::PathBuf;

use anyhow::Result;
use clipwright_shared::eval::ranked;
use clipwright_shared::tuning::Tuned;
use serde::{Deserialize, Serialize};

use crate::report::tensorboard::EventFile;

/// One image's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Place in the order of images, from 0.
    pub index: usize,
    pub path: PathBuf,
    /// None for an image without a label.
    pub label: Option<usize>,
    /// Why it could not be tuned on; then all else is empty.
    pub problem: Option<String>,
    /// The five most probable classes before and after, the best first.
    pub base: Vec<usize>,
    pub tuned: Vec<usize>,
    /// Probability of the best class before and after.
    pub base_confidence: f64,
    pub tuned_confidence: f64,
    /// Cross-entropy with the label before and after, in nats; its divergence from the
    /// label (KL) is the same number, as a label has no entropy.
    pub base_cross_entropy: Option<f64>,
    pub tuned_cross_entropy: Option<f64>,
    /// Before the first step, in nats.
    pub loss: f64,
    /// Mean distance that the context vectors moved.
    pub moved: f64,
    /// Views that counted.
    pub selected: usize,
}

impl Sample {
    /// What an image came to.
    pub fn new(index: usize, path: PathBuf, label: Option<usize>, tuned: &Tuned) -> Self {
        let probability = |logits: &[f32], class: usize| {
            let highest = logits.iter().copied().fold(f32::MIN, f32::max);
            let sum: f64 = logits.iter().map(|x| f64::from(x - highest).exp()).sum();
            logits
                .get(class)
                .map_or(0.0, |x| f64::from(x - highest).exp() / sum)
        };
        let (base, after) = (ranked(&tuned.base), ranked(&tuned.tuned));
        let entropy = |logits: &[f32]| label.map(|label| -probability(logits, label).ln());
        let moved: f64 = tuned.moved.iter().map(|&moved| f64::from(moved)).sum();
        Self {
            index,
            path,
            label,
            problem: None,
            base_confidence: base
                .first()
                .map_or(0.0, |&class| probability(&tuned.base, class)),
            tuned_confidence: after
                .first()
                .map_or(0.0, |&class| probability(&tuned.tuned, class)),
            base_cross_entropy: entropy(&tuned.base),
            tuned_cross_entropy: entropy(&tuned.tuned),
            base,
            tuned: after,
            loss: tuned.losses.first().map_or(0.0, |&loss| f64::from(loss)),
            moved: moved / tuned.moved.len().max(1) as f64,
            selected: tuned.selected().count(),
        }
    }

    /// An image that could not be tuned on.
    pub fn unreadable(index: usize, path: PathBuf, label: Option<usize>, problem: String) -> Self {
        Self {
            index,
            path,
            label,
            problem: Some(problem),
            base: Vec::new(),
            tuned: Vec::new(),
            base_confidence: 0.0,
            tuned_confidence: 0.0,
            base_cross_entropy: None,
            tuned_cross_entropy: None,
            loss: 0.0,
            moved: 0.0,
            selected: 0,
        }
    }

    fn is_right(&self, ranking: &[usize]) -> bool {
        self.label.is_some() && ranking.first().copied() == self.label
    }

    /// 1 if tuning made it right, −1 if it made it wrong, else 0.
    pub fn change(&self) -> i64 {
        i64::from(self.is_right(&self.tuned)) - i64::from(self.is_right(&self.base))
    }

    /// How much cross-entropy tuning took away.
    pub fn gain(&self) -> f64 {
        match (self.base_cross_entropy, self.tuned_cross_entropy) {
            (Some(base), Some(tuned)) => base - tuned,
            _ => self.tuned_confidence - self.base_confidence,
        }
    }
}

/// Counts over all images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TuneSummary {
    /// Images tuned on.
    pub samples: usize,
    /// Images that could not be read.
    pub unreadable: usize,
    /// Shares of the images with a label.
    pub base_top1: f64,
    pub tuned_top1: f64,
    pub base_top5: f64,
    pub tuned_top5: f64,
    /// Means over the images.
    pub base_confidence: f64,
    pub tuned_confidence: f64,
    pub base_cross_entropy: f64,
    pub tuned_cross_entropy: f64,
    pub loss: f64,
    pub moved: f64,
    /// Places of the images that became right and wrong.
    pub improved: Vec<usize>,
    pub worsened: Vec<usize>,
    pub improved_ratio: f64,
    pub worsened_ratio: f64,
    pub per_class: Vec<ClassChanges>,
    /// Of this call: work done before an interruption is not in it.
    pub seconds: f64,
    pub images_per_second: f64,
}

/// Changes among the images of one class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassChanges {
    pub class: String,
    pub samples: usize,
    pub improved: Vec<usize>,
    pub worsened: Vec<usize>,
    pub improved_ratio: f64,
    pub worsened_ratio: f64,
}

/// Counts images as they come.
pub(super) struct Tracker {
    summary: TuneSummary,
    labelled: usize,
    events: Option<EventFile>,
}

impl Tracker {
    pub fn new(class_names: &[String]) -> Self {
        let per_class = class_names.iter().map(|class| ClassChanges {
            class: class.clone(),
            ..ClassChanges::default()
        });
        Self {
            summary: TuneSummary {
                per_class: per_class.collect(),
                ..TuneSummary::default()
            },
            labelled: 0,
            events: None,
        }
    }

    /// From now on every image is an event, too.
    pub fn write_to(&mut self, events: EventFile) {
        self.events = Some(events);
    }

    /// Counts one image; sums become shares and means in [`Self::summary`].
    pub fn add(&mut self, sample: &Sample) -> Result<()> {
        let sums = &mut self.summary;
        if sample.problem.is_some() {
            sums.unreadable += 1;
            return Ok(());
        }
        sums.samples += 1;
        sums.base_confidence += sample.base_confidence;
        sums.tuned_confidence += sample.tuned_confidence;
        sums.loss += sample.loss;
        sums.moved += sample.moved;
        if let Some(label) = sample.label {
            self.labelled += 1;
            let one = |is: bool| if is { 1.0 } else { 0.0 };
            sums.base_top1 += one(sample.is_right(&sample.base));
            sums.tuned_top1 += one(sample.is_right(&sample.tuned));
            sums.base_top5 += one(sample.base.contains(&label));
            sums.tuned_top5 += one(sample.tuned.contains(&label));
            sums.base_cross_entropy += sample.base_cross_entropy.unwrap_or(0.0);
            sums.tuned_cross_entropy += sample.tuned_cross_entropy.unwrap_or(0.0);
            let class = &mut sums.per_class[label];
            class.samples += 1;
            match sample.change() {
                1 => {
                    class.improved.push(sample.index);
                    sums.improved.push(sample.index);
                }
                -1 => {
                    class.worsened.push(sample.index);
                    sums.worsened.push(sample.index);
                }
                _ => {}
            }
        }
        self.write_sample(sample)
    }

    /// The accuracy before and after so far.
    pub fn accuracies(&self) -> [f64; 2] {
        let labelled = self.labelled.max(1) as f64;
        [self.summary.base_top1, self.summary.tuned_top1].map(|right| right / labelled)
    }

    /// What was counted, as shares and means.
    pub fn summary(&self) -> TuneSummary {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let mut summary = self.summary.clone();
        let labelled = self.labelled.max(1) as f64;
        for sum in [
            &mut summary.base_top1,
            &mut summary.tuned_top1,
            &mut summary.base_top5,
            &mut summary.tuned_top5,
            &mut summary.base_cross_entropy,
            &mut summary.tuned_cross_entropy,
        ] {
            *sum /= labelled;
        }
        let samples = summary.samples.max(1) as f64;
        for sum in [
            &mut summary.base_confidence,
            &mut summary.tuned_confidence,
            &mut summary.loss,
            &mut summary.moved,
        ] {
            *sum /= samples;
        }
        summary.improved_ratio = share(summary.improved.len(), self.labelled);
        summary.worsened_ratio = share(summary.worsened.len(), self.labelled);
        for class in &mut summary.per_class {
            class.improved_ratio = share(class.improved.len(), class.samples);
            class.worsened_ratio = share(class.worsened.len(), class.samples);
        }
        summary
    }

    /// The notebook's tags for one image.
    fn write_sample(&mut self, sample: &Sample) -> Result<()> {
        let [base, tuned] = self.accuracies();
        let labelled = self.labelled.max(1) as f64;
        let [base5, tuned5] =
            [self.summary.base_top5, self.summary.tuned_top5].map(|right| right / labelled);
        let changed = self.summary.improved.len() as f64 - self.summary.worsened.len() as f64;
        let Some(events) = &mut self.events else {
            return Ok(());
        };
        let step = sample.index as u64;
        let mut write = |tag: &str, value: f64| events.scalar(step, tag, value);
        write("Loss/value", sample.loss)?;
        let (before, after) = (sample.base_confidence, sample.tuned_confidence);
        write("confidence/Base", before)?;
        write("confidence/TPT_coop", after)?;
        write("confidence/difference(TPT-base)", after - before)?;
        let (Some(before), Some(after)) = (sample.base_cross_entropy, sample.tuned_cross_entropy)
        else {
            return events.flush();
        };
        write("crossEntropy/Base", before)?;
        write("crossEntropy/TPT_coop", after)?;
        write("crossEntropy/difference(base-TPT)", before - after)?;
        write("KL/Base_vs_True", before)?;
        write("KL/TPT_vs_True", after)?;
        write("KL/Base-TPT", before - after)?;
        write("AccuracyTOP1/Base", base)?;
        write("AccuracyTOP1/TPT_coop", tuned)?;
        write("AccuracyTOP1/difference(TPT-base)", tuned - base)?;
        write("AccuracyTOP5/Base_Top5", base5)?;
        write("AccuracyTOP5/TPT_coop_Top5", tuned5)?;
        write("AccuracyTOP5/difference_Top5(TPT-base)", tuned5 - base5)?;
        write("Samples/TPTchange", sample.change() as f64)?;
        write("Samples/TPTcumulative_changed", changed)?;
        events.flush()
    }

    /// Writes the image that a sample is about, if tuning changed whether it is right.
    pub fn write_image(&mut self, sample: &Sample, view: &[u8], side: u32) -> Result<()> {
        let what = match sample.change() {
            1 => "Improved_Images",
            -1 => "Worsened_Images",
            _ => return Ok(()),
        };
        let (Some(events), Some(label)) = (&mut self.events, sample.label) else {
            return Ok(());
        };
        let name = &self.summary.per_class[label].class;
        let tag = format!("{what}/img_{}:{label}-{name}", sample.index);
        events.image(sample.index as u64, &tag, view, side, side)
    }

    /// The notebook's tags for the whole run.
    pub fn write_end(&mut self) -> Result<()> {
        let summary = self.summary();
        let Some(events) = &mut self.events else {
            return Ok(());
        };
        for (label, class) in (0u64..).zip(&summary.per_class) {
            let (improved, worsened) = (class.improved.len() as f64, class.worsened.len() as f64);
            let prefix = "Samples-PerClass-info";
            events.scalar(label, &format!("{prefix}/NImproved"), improved)?;
            events.scalar(label, &format!("{prefix}/NWorsened"), worsened)?;
            events.scalar(label, "Samples-PerClass/Changed", improved - worsened)?;
            events.scalar(label, &format!("{prefix}/Nsamples"), class.samples as f64)?;
            events.scalar(
                label,
                &format!("{prefix}/ImprovedRatio"),
                class.improved_ratio,
            )?;
            events.scalar(
                label,
                &format!("{prefix}/WorsenedRatio"),
                class.worsened_ratio,
            )?;
        }
        for (tag, value) in [
            ("Samples-Global/NImproved", summary.improved.len() as f64),
            ("Samples-Global/NWorsened", summary.worsened.len() as f64),
            ("Samples-Global/ImprovedRatio", summary.improved_ratio),
            ("Samples-Global/WorsenedRatio", summary.worsened_ratio),
            ("AccuracyTOP1/Final_Base", summary.base_top1),
            ("AccuracyTOP1/Final_TPT_coop", summary.tuned_top1),
            ("AccuracyTOP5/Final_Base_Top5", summary.base_top5),
            ("AccuracyTOP5/Final_TPT_coop_Top5", summary.tuned_top5),
        ] {
            events.scalar(0, tag, value)?;
        }
        // The notebook keeps sums here.
        let images = self.labelled as f64;
        let (base, tuned) = (summary.base_cross_entropy, summary.tuned_cross_entropy);
        events.scalar(0, "crossEntropy/Final_Base", base * images)?;
        events.scalar(0, "crossEntropy/Final_TPT_coop", tuned * images)?;
        let per_class = serde_json::to_string_pretty(&summary.per_class)?;
        events.text("statistics/perclass", &per_class)?;
        events.text(
            "statistics/global",
            &serde_json::to_string_pretty(&summary)?,
        )?;
        events.flush()
    }
}
