//! The loop over images: views made ahead, features of many images together, a step on
//! each, and a line for each. An image that cannot be read is counted, not fatal.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::clip::normalise;
use clipwright_shared::learners::{Coop, PromptTokens};
use clipwright_shared::tuning::{Tuner, View, view_seed};
use clipwright_shared::views::{RgbImage, clip_view_of_rgb};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::page;
use super::plan::{Start, TunePlan};
use super::tracker::{Sample, Tracker, TuneSummary};
use crate::data::read_image;
use crate::problem::problem;
use crate::progress::steps_bar;
use crate::report::environment::Environment;
use crate::report::tensorboard::EventFile;
use crate::run::{Existing, SUMMARY, check_same_plan, read_json, remove, remove_events};
use crate::whole_file::write_whole;

/// What to tune on, how, and where to write.
pub struct TuneRun<'a> {
    pub coop: &'a Coop,
    pub start: Start,
    pub plan: &'a TunePlan,
    pub class_names: &'a [String],
    /// Images with their labels, if these are known.
    pub images: Vec<(PathBuf, Option<usize>)>,
    pub samples: Option<usize>,
    pub seed: u64,
    pub out: PathBuf,
    pub existing: Existing,
    /// Images shown in the report.
    pub pages: usize,
    /// Whether a GPU replays work that comes again.
    pub replay: bool,
    pub device: &'a str,
}

/// A finished tuning.
pub struct Outcome {
    pub summary: TuneSummary,
    pub samples: Vec<Sample>,
    /// Whether it had been finished before.
    pub reused: bool,
}

/// Images whose text gradients and tuned contexts are computed together.
const IMAGES_AT_ONCE: usize = 8;

/// Views encoded together.
const VIEWS_PER_FORWARD: usize = 64;

const SAMPLES: &str = "samples.jsonl";
const PLAN: &str = "plan.json";

/// Everything the result depends on.
#[derive(Serialize)]
struct Record<'a> {
    clipwright: &'static str,
    model_fingerprint: &'a str,
    start: &'a Start,
    class_names: &'a [String],
    images: Vec<&'a Path>,
    seed: u64,
    #[serde(flatten)]
    plan: &'a TunePlan,
}

/// Tunes on every image, or on those that an interrupted run has left.
///
/// # Errors
/// If the views do not fit the loss or the folder holds another run: before work starts;
/// if a file cannot be written, or no image can be read.
pub fn tune(session: &Session, run: &TuneRun<'_>) -> Result<Outcome> {
    let images = order(run);
    let record = Record {
        clipwright: env!("CARGO_PKG_VERSION"),
        model_fingerprint: session.fingerprint(),
        start: &run.start,
        class_names: run.class_names,
        images: images.iter().map(|(path, _)| path.as_path()).collect(),
        seed: run.seed,
        plan: run.plan,
    };
    let tokens = PromptTokens::new(&session.tokenizer, run.class_names);
    let mut tuner = Tuner::new(&session.clip, run.coop, &tokens, run.plan.settings)?;
    tuner.record(run.replay);
    let mut samples = match open(run, &serde_json::to_value(&record)?)? {
        Found::Finished => {
            return Ok(Outcome {
                summary: read_json(&run.out.join(SUMMARY))?,
                samples: read_samples(&run.out)?,
                reused: true,
            });
        }
        Found::Samples(samples) => samples,
    };
    samples.truncate(images.len());
    let events = match samples.len() {
        0 => EventFile::create(&run.out)?,
        done => EventFile::resume(&run.out, done as u64)?,
    };
    let mut tracker = Tracker::new(run.class_names);
    for sample in &samples {
        tracker.add(sample)?;
    }
    tracker.write_to(events);
    let environment = Environment::here(run.device);
    let text = serde_json::to_string_pretty(&environment)?;
    write_whole(&run.out.join("environment.json"), text.as_bytes())?;

    let (start, first) = (Instant::now(), samples.len());
    walk(session, &tuner, run, &images, first, |sample| {
        tracker.add(&sample)?;
        samples.push(sample);
        Ok(tracker.accuracies())
    })?;
    let seconds = start.elapsed().as_secs_f64();
    if samples.iter().all(|sample| sample.problem.is_some()) {
        return Err(problem(
            "none of the images can be read",
            "are they PNG, JPEG, WebP, GIF or BMP files?",
        ));
    }
    let side = session.clip.config.image.side as u32;
    for sample in samples.iter().filter(|sample| sample.change() != 0) {
        let view = clip_view_of_rgb(&read_image(&sample.path)?, side)?;
        tracker.write_image(sample, &page::png(&view)?, side)?;
    }
    tracker.write_end()?;
    let mut summary = tracker.summary();
    summary.seconds = seconds;
    summary.images_per_second = (samples.len() - first) as f64 / seconds.max(1e-9);
    page::write(session, &tuner, run, &samples, &summary, &environment)?;
    let text = serde_json::to_string_pretty(&summary)?;
    write_whole(&run.out.join(SUMMARY), text.as_bytes())?;
    Ok(Outcome {
        summary,
        samples,
        reused: false,
    })
}

/// The images in the order they are taken: drawn with the seed, as many as asked for.
fn order(run: &TuneRun<'_>) -> Vec<(PathBuf, Option<usize>)> {
    let mut images = run.images.clone();
    images.shuffle(&mut ChaCha8Rng::seed_from_u64(run.seed));
    images.truncate(run.samples.unwrap_or(usize::MAX));
    images
}

/// Calls `done` with each image's sample in order, and appends it to the file.
fn walk(
    session: &Session,
    tuner: &Tuner,
    run: &TuneRun<'_>,
    images: &[(PathBuf, Option<usize>)],
    first: usize,
    mut done: impl FnMut(Sample) -> Result<[f64; 2]>,
) -> Result<()> {
    let bar = steps_bar(images.len());
    bar.set_position(first as u64);
    let path = run.out.join(SAMPLES);
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    let groups: Vec<Vec<usize>> = (first..images.len())
        .collect::<Vec<_>>()
        .chunks(IMAGES_AT_ONCE)
        .map(<[usize]>::to_vec)
        .collect();
    let side = session.clip.config.image.side as u32;
    std::thread::scope(|scope| -> Result<()> {
        // The next group's views are made while one is tuned on.
        let (send, receive) = sync_channel(1);
        let groups = &groups;
        scope.spawn(move || {
            for group in groups {
                let views: Vec<Result<Vec<View>>> = group
                    .par_iter()
                    .map(|&index| views_of(run, &images[index].0, side, index))
                    .collect();
                if send.send(views).is_err() {
                    return;
                }
            }
        });
        for group in groups {
            let views = receive.recv().context("the views ended early")?;
            for sample in tune_group(session, tuner, images, group, views)? {
                let line = serde_json::to_string(&sample)? + "\n";
                file.write_all(line.as_bytes())
                    .with_context(|| format!("cannot write {}", path.display()))?;
                if let Some(problem) = &sample.problem {
                    bar.suspend(|| eprintln!("left out: {problem}"));
                }
                let [base, tuned] = done(sample)?;
                bar.set_message(format!(
                    "base {:.1} %  tuned {:.1} %",
                    100.0 * base,
                    100.0 * tuned
                ));
                bar.inc(1);
            }
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(())
}

/// The views of one image.
pub(super) fn views_of(
    run: &TuneRun<'_>,
    path: &Path,
    side: u32,
    index: usize,
) -> Result<Vec<View>> {
    let image = read_image(path)?;
    let seed = view_seed(run.seed, index);
    run.plan
        .augmenter
        .views(&image, side, seed)
        .with_context(|| path.display().to_string())
}

/// Tunes on a group of images; those without views are samples with a problem.
fn tune_group(
    session: &Session,
    tuner: &Tuner,
    images: &[(PathBuf, Option<usize>)],
    group: &[usize],
    views: Vec<Result<Vec<View>>>,
) -> Result<Vec<Sample>> {
    let readable: Vec<&Vec<View>> = views
        .iter()
        .filter_map(|views| views.as_ref().ok())
        .collect();
    let features = encode(session, &readable)?;
    let mut tuned = tuner.tune_many(&features)?.into_iter();
    let mut samples = Vec::new();
    for (&index, views) in group.iter().zip(&views) {
        let (path, label) = images[index].clone();
        samples.push(match views {
            Ok(_) => {
                let tuned = tuned.next().context("an image without its result")?;
                Sample::new(index, path, label, &tuned)
            }
            Err(error) => Sample::unreadable(index, path, label, format!("{error:#}")),
        });
    }
    Ok(samples)
}

/// Normalised features `[views, embed_dim]` of each image's views; views of several
/// images share a forward.
pub(super) fn encode(session: &Session, images: &[&Vec<View>]) -> Result<Vec<Tensor>> {
    let all: Vec<RgbImage> = images
        .iter()
        .flat_map(|views| views.iter().map(|view| view.pixels.clone()))
        .collect();
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let features = all
        .chunks(VIEWS_PER_FORWARD)
        .map(|views| {
            let encoded = session.clip.image.forward(&session.pixels(views)?)?;
            Ok(normalise(&encoded)?.detach())
        })
        .collect::<Result<Vec<_>>>()?;
    let features = Tensor::cat(&features, 0)?;
    let mut first = 0;
    let mut each = Vec::new();
    for views in images {
        each.push(features.narrow(0, first, views.len())?.contiguous()?);
        first += views.len();
    }
    Ok(each)
}

enum Found {
    Finished,
    /// Done before an interruption; none in a new run.
    Samples(Vec<Sample>),
}

fn open(run: &TuneRun<'_>, plan: &serde_json::Value) -> Result<Found> {
    let (out, has) = (&run.out, |name: &str| run.out.join(name).exists());
    if run.existing == Existing::Overwrite {
        for name in [SUMMARY, SAMPLES, PLAN] {
            remove(&out.join(name))?;
        }
        remove_events(out)?;
    } else if has(PLAN) {
        if run.existing == Existing::Refuse {
            let (state, hint) = match has(SUMMARY) {
                true => (
                    "finished run",
                    "choose another --out, or replace it with --overwrite",
                ),
                false => (
                    "run that was interrupted",
                    "go on with it with --resume, or start anew with --overwrite",
                ),
            };
            return Err(problem(format!("{} holds a {state}", out.display()), hint));
        }
        check_same_plan(out, plan)?;
        if has(SUMMARY) {
            return Ok(Found::Finished);
        }
        let samples = read_samples(out)?;
        let lines: Result<String> = samples
            .iter()
            .map(|sample| Ok(serde_json::to_string(sample)? + "\n"))
            .collect();
        // A line that was being written when the run was killed is written anew.
        write_whole(&out.join(SAMPLES), lines?.as_bytes())?;
        return Ok(Found::Samples(samples));
    }
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let text = serde_json::to_string_pretty(plan)?;
    write_whole(&out.join(PLAN), text.as_bytes())?;
    Ok(Found::Samples(Vec::new()))
}

fn read_samples(out: &Path) -> Result<Vec<Sample>> {
    let path = out.join(SAMPLES);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    Ok(text
        .lines()
        .map_while(|line| serde_json::from_str(line).ok())
        .collect())
}
