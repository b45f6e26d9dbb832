//! Where the time of a training goes: a real one, on photographs that are made up, with
//! its parts timed. And what loading images takes, without a model.

mod loading;
mod parts;
mod peak;
mod photos;

pub use loading::{Loading, LoadingFigures, load};
pub use parts::Part;
pub use photos::{Photos, photos};

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clipwright_shared::Session;
use clipwright_shared::learners::DEFAULT_TEMPLATE;
use serde::Serialize;

use crate::data::loader::Images;
use crate::problem::problem;
use crate::settings::Plan;
use crate::training::{
    EpochReport, Examples, Material, Mixing, Pace, Snapshot, Watcher, start, train,
};
use parts::Timed;
use peak::Peak;

/// What is trained, and on what.
pub struct Course<'a> {
    pub plan: &'a Plan,
    pub classes: usize,
    pub photos: &'a Photos,
    /// Where a Chrome trace goes.
    pub trace: Option<&'a Path>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The method's name, with what differs from the published one.
    pub title: String,
    pub model: String,
    pub device: String,
    pub classes: usize,
    pub batch: usize,
    pub steps: usize,
    /// Of the whole training: encoding, steps, waiting.
    pub seconds: f64,
    /// Images that went into steps, in a second of all that.
    pub images_per_second: f64,
    /// The median of the steps alone.
    pub step_seconds: f64,
    /// The most that the process held while it trained, in bytes; 0 if the system does
    /// not tell.
    pub peak_memory_bytes: u64,
    /// Longest first.
    pub parts: Vec<Part>,
}

/// Trains, and times its parts.
///
/// # Errors
/// If the method does not go in steps, the plan does not fit the model, or the trace
/// cannot be written.
pub fn run(session: &Session, course: &Course<'_>) -> Result<Figures> {
    let Course {
        plan,
        classes,
        photos,
        trace,
    } = *course;
    if classes < 2 {
        return Err(problem(
            format!("--classes is {classes}"),
            "learning needs at least two classes",
        ));
    }
    let class_names: Vec<String> = (1..=classes).map(|n| format!("thing number {n}")).collect();
    let trainer = start(session, plan, &class_names, DEFAULT_TEMPLATE)?;
    let (Some(trainer), Some(training)) = (trainer, plan.training()) else {
        return Err(problem(
            "a linear probe does not go in steps",
            "bench coop, cocoop or lora",
        ));
    };
    let images = photos.paths().len();
    if images < training.batch {
        return Err(problem(
            format!("{images} images do not fill a batch of {}", training.batch),
            format!("give --images {} or a smaller --batch", training.batch),
        ));
    }
    let material = Material {
        session,
        examples: Examples {
            images: Arc::new(Images::new(photos.paths().iter().cloned())),
            labels: (0..images).map(|image| image % classes).collect(),
            n_classes: classes,
            real: images,
            lambda: None,
            mixing: Mixing::default(),
        },
        validation: None,
    };
    let pace = Pace {
        snapshot_every: Duration::MAX,
    };
    let timed = Timed::start(trace)?;
    let peak = Peak::watch();
    let begun = Instant::now();
    let trained = timed.during(|| {
        train(
            trainer,
            &material,
            training,
            plan.seed,
            None,
            pace,
            &mut Silent,
        )
    });
    let seconds = begun.elapsed().as_secs_f64();
    let peak_memory_bytes = peak.end();
    trained?;
    let (parts, steps) = timed.finish().context("the trace cannot be written")?;
    let seen = steps.len() * training.batch.min(images);
    Ok(Figures {
        title: plan.title(),
        model: plan.model.clone(),
        device: plan.device.to_string(),
        classes,
        batch: training.batch,
        steps: steps.len(),
        seconds,
        images_per_second: seen as f64 / seconds,
        step_seconds: median(steps),
        peak_memory_bytes,
        parts,
    })
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}

/// Writes nothing down.
struct Silent;

impl Watcher for Silent {
    fn epoch(&mut self, _: &EpochReport) -> Result<()> {
        Ok(())
    }

    fn snapshot(&mut self, _: &Snapshot) -> Result<()> {
        Ok(())
    }
}
