//! The learning of a run: the learner before its first step, and the way to its last.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::learners::Learner;
use clipwright_shared::train::Trainer;
use rayon::prelude::*;

use super::RunFolder;
use crate::data::loader::Images;
use crate::data::{Dataset, FewShot, Item};
use crate::measure::Validation;
use crate::progress::steps_bar;
use crate::report::tensorboard::EventFile;
use crate::settings::{LearnerPlan, Plan};
use crate::synthetic::synthetic_items;
use crate::training::{
    EpochReport, Examples, Material, Mixing, Pace, Snapshot, Watcher, fit_probe, start, train,
};

/// A learner before its first step.
pub(super) struct Started<'a> {
    plan: &'a Plan,
    class_names: &'a [String],
    /// None for a linear probe, which does not go in steps.
    trainer: Option<Box<dyn Trainer>>,
    /// Training images, the synthetic ones behind the real ones.
    items: Vec<Item>,
    images: Arc<Images>,
    real: usize,
}

/// What learning ends with.
pub(super) struct Learnt {
    pub learner: Learner,
    pub epochs: usize,
    pub best_epoch: usize,
    pub reports: Vec<EpochReport>,
    pub trials: Vec<(f64, f64)>,
}

impl<'a> Started<'a> {
    /// Builds the learner, which refuses settings and prompts that do not fit.
    pub fn new(
        session: &Session,
        dataset: &Dataset,
        plan: &'a Plan,
        class_names: &'a [String],
        drawn: &FewShot,
    ) -> Result<Self> {
        let trainer = start(session, plan, class_names, &dataset.template)?;
        let mut items = drawn.train.clone();
        let real = items.len();
        if let LearnerPlan::Adapter(adapter) = &plan.learner
            && let Some(synthetic) = &adapter.synthetic
        {
            items.extend(synthetic_items(&synthetic.folder, class_names)?);
        }
        Ok(Self {
            plan,
            class_names,
            trainer,
            images: Arc::new(Images::of(&items)),
            items,
            real,
        })
    }

    /// Reads every image, so that one that cannot be read is found now and not in the night.
    pub fn read_images(&self, drawn: &FewShot) -> Result<()> {
        read_all(&self.images)?;
        match self.validates() {
            true => read_all(&Images::of(&drawn.val)),
            false => Ok(()),
        }
    }

    /// The paths of the training images.
    pub fn image_names(&self) -> Vec<String> {
        let paths = self
            .items
            .iter()
            .map(|item| item.path.display().to_string());
        paths.collect()
    }

    /// How many validation images take part.
    pub fn validation_images(&self, drawn: &FewShot) -> usize {
        match self.validates() {
            true => drawn.val.len(),
            false => 0,
        }
    }

    fn validates(&self) -> bool {
        match &self.plan.learner {
            LearnerPlan::LinearProbe(probe) => probe.c.is_none(),
            _ => self
                .plan
                .training()
                .is_some_and(|training| training.validate),
        }
    }

    /// Learns, from the start or from where a run was interrupted.
    pub fn learn(
        self,
        session: &Session,
        drawn: &FewShot,
        folder: &mut RunFolder,
        interrupted: Option<(Snapshot, Vec<EpochReport>)>,
        checkpoint_every: Duration,
    ) -> Result<Learnt> {
        let validation = match self.validates() && !drawn.val.is_empty() {
            true => Some(Validation::new(
                session,
                drawn.val.clone(),
                self.class_names,
            )?),
            false => None,
        };
        let (Some(trainer), Some(training)) = (self.trainer, self.plan.training()) else {
            let LearnerPlan::LinearProbe(probe) = self.plan.learner else {
                anyhow::bail!("a plan without a training");
            };
            let names = self.class_names;
            let (probe, trials) =
                fit_probe(session, probe, &self.items, validation.as_ref(), names)?;
            return Ok(Learnt {
                learner: Learner::LinearProbe(probe),
                epochs: 0,
                best_epoch: 0,
                reports: Vec::new(),
                trials,
            });
        };
        let (lambda, mixing) = match &self.plan.learner {
            LearnerPlan::Adapter(adapter) => (
                adapter.synthetic.as_ref().map(|synthetic| synthetic.lambda),
                Mixing::new(adapter.mixup, adapter.cutmix),
            ),
            _ => (None, Mixing::default()),
        };
        let material = Material {
            session,
            examples: Examples {
                images: self.images,
                labels: self.items.iter().map(|item| item.label).collect(),
                n_classes: self.class_names.len(),
                real: self.real,
                lambda,
                mixing,
            },
            validation,
        };
        let (snapshot, mut reports) = match interrupted {
            Some((snapshot, mut reports)) => {
                reports.truncate(snapshot.epochs);
                folder.rewind(&reports)?;
                eprintln!("going on after epoch {}", snapshot.epochs);
                (Some(snapshot), reports)
            }
            None => (None, Vec::new()),
        };
        let events = match &snapshot {
            Some(snapshot) => EventFile::resume(folder.path(), snapshot.steps as u64 + 1)?,
            None => EventFile::create(folder.path())?,
        };
        let mut log = Log {
            folder,
            events,
            reports: std::mem::take(&mut reports),
        };
        let pace = Pace {
            snapshot_every: checkpoint_every,
        };
        let seed = self.plan.seed;
        let trained = train(trainer, &material, training, seed, snapshot, pace, &mut log)?;
        Ok(Learnt {
            learner: trained.learner,
            epochs: trained.epochs,
            best_epoch: trained.best_epoch,
            reports: log.reports,
            trials: Vec::new(),
        })
    }
}

/// # Errors
/// If an image cannot be read; the message names it.
fn read_all(images: &Images) -> Result<()> {
    let bar = steps_bar(images.len());
    bar.set_message("images read");
    (0..images.len()).into_par_iter().try_for_each(|index| {
        images.get(index)?;
        bar.inc(1);
        anyhow::Ok(())
    })?;
    bar.finish_and_clear();
    Ok(())
}

/// Writes down how a training goes on.
struct Log<'a> {
    folder: &'a mut RunFolder,
    events: EventFile,
    reports: Vec<EpochReport>,
}

impl Watcher for Log<'_> {
    fn epoch(&mut self, report: &EpochReport) -> Result<()> {
        self.folder.log(report)?;
        let step = report.step as u64;
        self.events.scalar(step, "train/loss", report.loss)?;
        self.events
            .scalar(step, "train/accuracy", report.accuracy)?;
        self.events.scalar(step, "train/lr", report.lr)?;
        if let Some(accuracy) = report.val_accuracy {
            self.events.scalar(step, "val/accuracy", accuracy)?;
        }
        self.events.flush()?;
        self.reports.push(report.clone());
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.folder.keep_checkpoint(&snapshot.to_bytes()?)
    }
}
