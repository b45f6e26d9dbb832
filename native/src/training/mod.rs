//! The training loop: batches of views, a step for each, validation after each epoch.

mod checkpoint;
mod early_stopping;
mod examples;
mod memory;
mod mixing;
mod probe;
mod start;

pub use checkpoint::Snapshot;
pub use early_stopping::Best;
pub use examples::Examples;
pub use mixing::Mixing;
pub use probe::fit_probe;
pub use start::start;

use std::time::{Duration, Instant};

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::learners::Learner;
use clipwright_shared::train::Trainer;
use serde::{Deserialize, Serialize};

use crate::measure::Validation;
use crate::progress::steps_bar;
use crate::settings::TrainingPlan;
use early_stopping::EarlyStopping;
use examples::{Source, epoch_batches};

/// One epoch's line of metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Counted from 1.
    pub epoch: usize,
    /// Steps done so far.
    pub step: usize,
    /// Mean loss over the epoch's images, in nats.
    pub loss: f64,
    /// Share of the epoch's images recognised before their step.
    pub accuracy: f64,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// Share of the validation images recognised after the epoch.
    pub val_accuracy: Option<f64>,
}

/// Who is told how a training goes on.
pub trait Watcher {
    /// After each epoch.
    fn epoch(&mut self, report: &EpochReport) -> Result<()>;

    /// Now and then, behind an epoch: all that is needed to go on from here.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()>;
}

/// What is trained on.
pub struct Material<'a> {
    pub session: &'a Session,
    pub examples: Examples,
    pub validation: Option<Validation>,
}

/// How a training is run; none of it changes a result.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time between snapshots.
    pub snapshot_every: Duration,
}

/// What a training ends with.
pub struct Trained {
    pub learner: Learner,
    /// Epochs done; fewer than planned if it stopped early.
    pub epochs: usize,
    /// The epoch whose weights these are, counted from 1.
    pub best_epoch: usize,
}

/// Trains from the start, or from `resumed`. The same plan and seed give the same
/// result, whatever the number of threads, and wherever it was interrupted.
///
/// # Errors
/// If an image cannot be read, the loss is no longer a number, or the watcher fails.
pub fn train(
    mut trainer: Box<dyn Trainer>,
    material: &Material<'_>,
    plan: &TrainingPlan,
    seed: u64,
    resumed: Option<Snapshot>,
    pace: Pace,
    watcher: &mut dyn Watcher,
) -> Result<Trained> {
    let examples = &material.examples;
    let images = examples.len();
    let (epochs, steps) = (plan.epochs(images), plan.steps(images));
    let mut stopping = EarlyStopping::new(plan.patience);
    let (mut first_epoch, mut step) = (0, 0);
    if let Some(snapshot) = resumed {
        trainer.restore(&snapshot.state)?;
        (first_epoch, step) = (snapshot.epochs, snapshot.steps);
        stopping.resume(snapshot.best, snapshot.impatience);
    }
    let mut source = Source::new(material.session, examples, trainer.input(), plan, seed);
    let bar = steps_bar(steps);
    bar.set_position(step as u64);
    let (mut done, mut last_snapshot) = (first_epoch, Instant::now());
    for epoch in first_epoch..epochs {
        if stopping.is_over() {
            break;
        }
        let shown = [images, examples.real];
        let batches = epoch_batches(shown, plan, seed, epoch, steps - step);
        let mut inputs = source.epoch(epoch, &batches)?;
        let (mut loss, mut correct, mut seen, mut lr) = (0.0, 0, 0, plan.lr);
        for batch in &batches {
            let (input, targets) = match inputs.next() {
                Some(batch) => batch?,
                None => anyhow::bail!("the loader ended before its epoch"),
            };
            lr = plan.learning_rate([epoch, epochs], [step, steps]);
            let report = {
                let _span = tracing::trace_span!("step").entered();
                trainer.step(&input, &targets, lr)?
            };
            step += 1;
            loss += f64::from(report.loss) * batch.len() as f64;
            correct += report.correct;
            seen += batch.len();
            bar.set_message(format!(
                "epoch {}/{epochs}  loss {:.3}  accuracy {:.1} %  lr {lr:.2e}",
                epoch + 1,
                loss / seen as f64,
                100.0 * correct as f64 / seen as f64
            ));
            bar.inc(1);
        }
        drop(inputs);
        let val_accuracy = match &material.validation {
            Some(validation) => Some(validation.accuracy(material.session, &trainer.learner()?)?),
            None => None,
        };
        done = epoch + 1;
        if let Some(accuracy) = val_accuracy {
            stopping.observe(done, accuracy, || trainer.learner())?;
        }
        watcher.epoch(&EpochReport {
            epoch: done,
            step,
            loss: loss / seen.max(1) as f64,
            accuracy: correct as f64 / seen.max(1) as f64,
            lr,
            val_accuracy,
        })?;
        if last_snapshot.elapsed() >= pace.snapshot_every {
            watcher.snapshot(&Snapshot {
                epochs: done,
                steps: step,
                state: trainer.state()?,
                best: stopping.best().cloned(),
                impatience: stopping.impatience(),
            })?;
            last_snapshot = Instant::now();
        }
    }
    bar.finish_and_clear();
    let (learner, best_epoch) = match stopping.into_best() {
        Some(best) => (best.learner, best.epoch),
        None => (trainer.learner()?, done),
    };
    Ok(Trained {
        learner,
        epochs: done,
        best_epoch,
    })
}
