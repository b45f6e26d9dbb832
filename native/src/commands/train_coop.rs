//! `clipwright train coop`: a context learned from a folder of images.

use std::time::Instant;

use anyhow::{Context, Result};
use clipwright_shared::checkpoint::{LearnedFile, LearnedMetadata};
use clipwright_shared::learners::{
    ClassTokenPosition, ContextInit, Coop, CoopSettings, Method, PromptTokens,
};
use clipwright_shared::train::Schedule;
use clipwright_shared::views::{RandomResizedCrop, RgbImage};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::eval::measure;
use crate::args::{Augment, TrainCoop};
use crate::data::python_random::PythonRandom;
use crate::data::{Dataset, Item, Split, few_shot, read_folder, read_image};
use crate::model;
use crate::problem::problem;
use crate::run_folder::RunFolder;
use crate::training::{TrainingPlan, train_coop};

/// Everything a run depends on, with all defaults filled in.
#[derive(Debug, Serialize)]
struct Plan<'a> {
    clipwright: &'static str,
    method: Method,
    model: &'a str,
    model_fingerprint: &'a str,
    device: &'a str,
    data: String,
    classes: &'a [String],
    shots: Option<usize>,
    images: Vec<String>,
    coop: &'a CoopSettings,
    training: &'a TrainingPlan,
}

pub fn run(args: &TrainCoop) -> Result<()> {
    check(args)?;
    let dataset = read_folder(&args.data)?;
    let class_names = dataset.names(args.subset).to_vec();
    if class_names.len() < 2 {
        return Err(problem(
            format!("only {} class takes part", class_names.len()),
            "learning needs at least two classes; use --subset all or add classes",
        ));
    }
    let items = draw(args, &dataset, &class_names)?;
    let mut session = model::open(&args.model)?;
    let coop_settings = coop_settings(args);
    let coop = Coop::new(
        &session.clip,
        &session.tokenizer,
        &class_names,
        &coop_settings,
    )?;
    // Refuses prompts that do not fit before any image is read.
    coop.prompts(
        &session.clip,
        &PromptTokens::new(&session.tokenizer, &class_names),
    )?;
    let training_plan = training_plan(args);
    let images: Vec<RgbImage> = items
        .par_iter()
        .map(|item| read_image(&item.path))
        .collect::<Result<_>>()?;

    let plan = Plan {
        clipwright: env!("CARGO_PKG_VERSION"),
        method: Method::Coop,
        model: &args.model.model,
        model_fingerprint: session.fingerprint(),
        device: &args.model.device,
        data: args.data.display().to_string(),
        classes: &class_names,
        shots: args.shots,
        images: items
            .iter()
            .map(|item| item.path.display().to_string())
            .collect(),
        coop: &coop_settings,
        training: &training_plan,
    };
    let mut run = RunFolder::create(&args.out, &plan, args.overwrite)?;
    let labels: Vec<usize> = items.iter().map(|item| item.label).collect();
    eprintln!(
        "learning {} context vectors on {} images of {} classes",
        coop.n_ctx(),
        images.len(),
        class_names.len()
    );
    let start = Instant::now();
    let mut epochs = Vec::new();
    let coop = train_coop(&session, coop, &images, &labels, &training_plan, |report| {
        run.log(report)?;
        epochs.push(report.clone());
        Ok(())
    })?;
    let seconds = start.elapsed().as_secs_f64();

    let learned = LearnedFile {
        metadata: LearnedMetadata {
            method: Method::Coop,
            model_fingerprint: session.fingerprint().into(),
            class_names: class_names.clone(),
            class_token_position: coop.position,
            template: args.ctx_init.clone(),
            shots: args.shots,
            seed: args.seed,
            epochs: training_plan.schedule.epochs,
        },
        context: coop.context,
    }
    .to_bytes()?;
    session.add_learned("learned", &learned)?;
    let test = dataset.items(Split::Test, args.subset);
    let test = match test.is_empty() {
        true => None,
        false => Some(measure(
            &mut session,
            &test,
            &class_names,
            Some("learned"),
            "",
        )?),
    };
    let last = epochs.last().context("a training of no epochs")?;
    let summary = json!({
        "seconds": seconds,
        "final_loss": last.loss,
        "final_train_accuracy": last.accuracy,
        "test": test,
    });
    let accuracy = test.as_ref().map(|test| test.accuracy);
    let path = run.finish(&epochs, &summary, &learned)?;
    match accuracy {
        Some(accuracy) => eprintln!("test accuracy {:.2} %, {seconds:.1} s", 100.0 * accuracy),
        None => eprintln!("{seconds:.1} s; the folder has no test images"),
    }
    println!("{}", path.display());
    Ok(())
}

/// Refuses settings that cannot work before anything is read.
fn check(args: &TrainCoop) -> Result<()> {
    let refuse = |what: String, hint: &str| Err(problem(what, hint));
    if args.shots == Some(0) {
        return refuse("--shots is 0".into(), "expected at least 1 image per class");
    }
    if args.batch == 0 || args.epochs == Some(0) {
        return refuse("--batch or --epochs is 0".into(), "expected at least 1");
    }
    if !(args.lr.is_finite() && args.lr > 0.0) {
        return refuse(
            format!("--lr is {}", args.lr),
            "expected a positive number such as 2e-3",
        );
    }
    Ok(())
}

/// The training images: all, or `--shots` of each class as the reference draws
/// them, from all classes before the subset is taken.
fn draw(args: &TrainCoop, dataset: &Dataset, class_names: &[String]) -> Result<Vec<Item>> {
    let Some(shots) = args.shots else {
        return Ok(dataset.items(Split::Train, args.subset));
    };
    let subset = dataset.items(Split::Train, args.subset);
    for (label, name) in class_names.iter().enumerate() {
        let images = subset.iter().filter(|item| item.label == label).count();
        if images < shots {
            let divided = match dataset.has_splits {
                true => "",
                false => " (half of an undivided folder is for training)",
            };
            return Err(problem(
                format!(
                    "class {name:?} has {images} training images; --shots asks for {shots}{divided}"
                ),
                format!("use --shots {images} or fewer, or add images"),
            ));
        }
    }
    let all = dataset.items(Split::Train, crate::data::Subset::All);
    let labels: Vec<usize> = all.iter().map(|item| item.label).collect();
    let range = args.subset.labels(dataset.class_names.len());
    let drawn = few_shot::draw(&labels, shots, false, &mut PythonRandom::new(args.seed));
    Ok(drawn
        .into_iter()
        .map(|index| all[index].clone())
        .filter(|item| range.contains(&item.label))
        .map(|item| Item {
            label: item.label - range.start,
            ..item
        })
        .collect())
}

fn coop_settings(args: &TrainCoop) -> CoopSettings {
    CoopSettings {
        n_ctx: args.n_ctx,
        class_specific: args.csc,
        position: ClassTokenPosition::from(args.class_token_position),
        init: match &args.ctx_init {
            Some(words) => ContextInit::Words(words.clone()),
            None => ContextInit::Random { seed: args.seed },
        },
    }
}

fn training_plan(args: &TrainCoop) -> TrainingPlan {
    let epochs = args.epochs.unwrap_or(match args.shots {
        Some(1) => 50,
        Some(2..=4) => 100,
        _ => 200,
    });
    TrainingPlan {
        seed: args.seed,
        batch: args.batch,
        schedule: Schedule::coop(args.lr, epochs),
        augmentation: match args.augment {
            Augment::Crop => Some(RandomResizedCrop::default()),
            Augment::None => None,
        },
    }
}
