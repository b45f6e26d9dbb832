//! A whole run: from a plan to a folder with what was learned, how well it does, and a
//! report.

mod folder;
mod learn;
mod page;

pub use folder::{Existing, LEARNED, Opened, RunFolder, SUMMARY, check_same_plan, read_json};
pub(crate) use folder::{remove, remove_events};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::eval::Metrics;
use serde::{Deserialize, Serialize};

use crate::data::{Dataset, FewShot, Split};
use crate::measure::{Measured, measure};
use crate::problem::problem;
use crate::report::environment::Environment;
use crate::settings::{LearnerPlan, Plan};
use crate::training::{EpochReport, Snapshot};

/// What to run, and where.
pub struct Run<'a> {
    pub plan: &'a Plan,
    pub out: &'a Path,
    pub existing: Existing,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The method's name, with what differs from the published one.
    pub title: String,
    /// Of training in this call: what was done before an interruption is not in it.
    pub seconds: f64,
    pub epochs: usize,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    pub last_epoch: Option<EpochReport>,
    /// Inverse penalties that were tried, with their validation accuracy (linear probe).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<(f64, f64)>,
    /// On the test images of the classes that were learned; none without such images.
    pub test: Option<Metrics>,
}

/// A run that is finished.
pub struct Outcome {
    pub learned: PathBuf,
    pub summary: Summary,
    /// Whether it had been finished before.
    pub reused: bool,
}

/// Everything a run depends on, as `plan.json` keeps it.
#[derive(Serialize)]
struct Record<'a> {
    clipwright: &'static str,
    #[serde(flatten)]
    plan: &'a Plan,
    model_fingerprint: &'a str,
    classes: &'a [String],
    images: Vec<String>,
    validation_images: usize,
}

/// Carries out a run, or the rest of it.
///
/// # Errors
/// If the plan does not fit the data or the model: before anything is written. If the
/// folder holds something else, an image cannot be read, or a file cannot be written.
pub fn run(session: &mut Session, dataset: &Dataset, run: &Run<'_>) -> Result<Outcome> {
    let plan = run.plan;
    let class_names = dataset.names(plan.subset).to_vec();
    if class_names.len() < 2 {
        return Err(problem(
            format!("only {} class takes part", class_names.len()),
            "learning needs at least two classes; use --subset all or add classes",
        ));
    }
    let drawn = dataset.few_shot(plan.shots, plan.seed, plan.subset)?;
    check_validation(plan, &drawn)?;
    let started = learn::Started::new(session, dataset, plan, &class_names, &drawn)?;

    let record = Record {
        clipwright: env!("CARGO_PKG_VERSION"),
        plan,
        model_fingerprint: session.fingerprint(),
        classes: &class_names,
        images: started.image_names(),
        validation_images: started.validation_images(&drawn),
    };
    if let Some(learned) = RunFolder::finished(run.out, &record, run.existing)? {
        return Ok(Outcome {
            learned,
            summary: read_json(&run.out.join(SUMMARY))?,
            reused: true,
        });
    }
    started.read_images(&drawn)?;
    let (mut folder, interrupted) = match RunFolder::open(run.out, &record, run.existing)? {
        Opened::New(folder) => (folder, None),
        Opened::Interrupted(folder, bytes, reports) => {
            let snapshot = Snapshot::from_bytes(&bytes, &session.clip)?;
            (folder, Some((snapshot, reports)))
        }
    };
    let environment = Environment::here(plan.device.as_str());
    folder.write(
        "environment.json",
        serde_json::to_string_pretty(&environment)?.as_bytes(),
    )?;
    eprintln!(
        "{}: learning from {} images of {} classes",
        plan.title(),
        record.images.len(),
        class_names.len()
    );
    let start = Instant::now();
    let learnt = started.learn(
        session,
        &drawn,
        &mut folder,
        interrupted,
        run.checkpoint_every,
    )?;
    let seconds = start.elapsed().as_secs_f64();

    let mut file = LearnedFile::new(&learnt.learner, Some(session.fingerprint().into()));
    file.metadata.shots = plan.shots;
    file.metadata.seed = plan.seed;
    file.metadata.epochs = learnt.best_epoch;
    session.add_learned_file(LEARNED, &file)?;
    let measured = measure_test(session, dataset, plan, &class_names)?;
    session.remove_learned(LEARNED);
    let summary = Summary {
        title: plan.title(),
        seconds,
        epochs: learnt.epochs,
        best_epoch: learnt.best_epoch,
        last_epoch: learnt.reports.last().cloned(),
        trials: learnt.trials,
        test: measured.as_ref().map(|measured| measured.metrics.clone()),
    };
    page::write(
        &folder,
        &page::Contents {
            plan,
            class_names: &class_names,
            dataset,
            drawn: &drawn,
            reports: &learnt.reports,
            summary: &summary,
            measured: measured.as_ref(),
            environment: &environment,
        },
    )?;
    folder.write(SUMMARY, serde_json::to_string_pretty(&summary)?.as_bytes())?;
    let learned = folder.finish(&file.to_bytes()?)?;
    Ok(Outcome {
        learned,
        summary,
        reused: false,
    })
}

fn measure_test(
    session: &mut Session,
    dataset: &Dataset,
    plan: &Plan,
    class_names: &[String],
) -> Result<Option<Measured>> {
    let test = dataset.items(Split::Test, plan.subset);
    if test.is_empty() {
        return Ok(None);
    }
    measure(session, Some(LEARNED), &test, class_names, &[]).map(Some)
}

/// # Errors
/// If validation images are needed and there are none.
fn check_validation(plan: &Plan, drawn: &FewShot) -> Result<()> {
    let why = match &plan.learner {
        LearnerPlan::LinearProbe(probe) if probe.c.is_none() => {
            "the search for c needs validation images"
        }
        _ if plan.training().is_some_and(|training| training.validate) => {
            "--patience and --validate need validation images"
        }
        _ => return Ok(()),
    };
    match drawn.val.is_empty() {
        true => Err(problem(
            format!("{why}, and the data has none"),
            "add a folder `val`, or leave out --patience and --validate (linear-probe: give --c)",
        )),
        false => Ok(()),
    }
}
