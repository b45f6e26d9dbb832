//! KaiyangZhou/CoOp's CoCoOp: shifted contexts, logits, gradients, and whole
//! training trajectories.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Tensor, Var};
use clipwright_shared::clip::Clip;
use clipwright_shared::learners::{ClassTokenPosition, CoCoOp, Coop, MetaNet, PromptTokens};
use clipwright_shared::ops::cross_entropy;
use clipwright_shared::train::{
    CoCoOpTrainer, OptimizerSettings, Schedule, Targets, Trainer, image_features,
};

use super::case::{Case, close, close_relative, get, rows, under};
use super::schedules;

const FEATURES: f64 = 1e-4;
const LOGITS: f64 = 1e-3;
const GRADIENTS: f64 = 1e-3;

/// One forward and its gradients.
pub fn check_forward(case: &Case) -> Result<()> {
    let clip = case.model(case.text("weights")?)?;
    let golden = case.tensors(case.stem())?;
    let names = [
        "ctx",
        "meta_net.linear1.weight",
        "meta_net.linear1.bias",
        "meta_net.linear2.weight",
        "meta_net.linear2.bias",
    ];
    let variables: HashMap<&str, Var> = names
        .into_iter()
        .map(|name| {
            let value = get(&golden, &format!("param.{name}"))?;
            Ok((name, Var::from_tensor(value)?))
        })
        .collect::<Result<_>>()?;
    let tensors = variables
        .iter()
        .map(|(name, variable)| (name.to_string(), variable.as_tensor().clone()))
        .collect();
    let cocoop = learner(&tensors)?;
    let tokens = prompt_tokens(&golden, &cocoop)?;

    let features = image_features(&clip, get(&golden, "image")?)?;
    let expected = get(&golden, "image_features_normalized")?;
    close("image_features_normalized", &features, expected, FEATURES)?;
    let contexts = cocoop.contexts(&features)?;
    close_relative(
        "ctx_shifted",
        &contexts,
        get(&golden, "ctx_shifted")?,
        FEATURES,
    )?;
    let prompts = cocoop.coop.prompts(&clip, &tokens)?;
    let logits = cocoop.logits(&clip, &prompts, &features)?;
    close("logits", &logits, get(&golden, "logits")?, LOGITS)?;
    let labels = get(&golden, "label")?.to_dtype(DType::U32)?;
    let loss = cross_entropy(&logits, &labels)?;
    close("loss", &loss, get(&golden, "loss")?, LOGITS)?;
    let gradients = loss.backward()?;
    for (name, variable) in &variables {
        let gradient = gradients.get(variable);
        let gradient = gradient.with_context(|| format!("{name} has no gradient"))?;
        let expected = get(&golden, &format!("grad.{name}"))?;
        close_relative(&format!("grad.{name}"), gradient, expected, GRADIENTS)?;
    }
    Ok(())
}

/// Every step of a training.
pub fn check_trajectory(case: &Case) -> Result<()> {
    let forward = case.stem().trim_start_matches("traj_");
    let path = case.beside(&format!("{forward}.json"));
    let forward = case.another(&path)?;
    let clip = case.model(forward.text("weights")?)?;
    let golden = case.tensors(case.stem())?;
    let cocoop = learner(&under(&golden, "step0."))?;
    let tokens = prompt_tokens(&golden, &cocoop)?;
    let optimiser = &case.json["OPTIM"];
    ensure!(
        optimiser["NAME"] == "sgd",
        "an optimiser other than SGD: {}",
        optimiser["NAME"]
    );
    let schedule: Schedule = schedules::schedule(optimiser)?;
    let field = |name: &str| {
        optimiser[name]
            .as_f64()
            .with_context(|| format!("no {name}"))
    };
    let sgd = OptimizerSettings::Sgd {
        momentum: field("MOMENTUM")?,
        weight_decay: field("WEIGHT_DECAY")?,
    };
    // All prompts at once, and two at a time: the same training.
    for at_once in [usize::MAX, 2] {
        let trainer = CoCoOpTrainer::new(&clip, &cocoop, &tokens, at_once, sgd)?;
        follow(case, &golden, &clip, trainer, &schedule)
            .with_context(|| format!("{at_once} prompts at once"))?;
    }
    Ok(())
}

/// Trains along the golden steps.
fn follow(
    case: &Case,
    golden: &HashMap<String, Tensor>,
    clip: &Clip,
    mut trainer: CoCoOpTrainer,
    schedule: &Schedule,
) -> Result<()> {
    let batches = case.number("batches_per_epoch")? as usize;
    let images = get(golden, "images")?;
    let labels = get(golden, "labels")?.to_dtype(DType::U32)?;
    let losses = case.json["losses"].as_array().context("no losses")?;
    for (step, expected) in losses.iter().enumerate() {
        let features = image_features(clip, &images.get(step)?)?;
        let lr = schedule.lr(step / batches);
        let targets = Targets::labels(&labels.get(step)?);
        let report = trainer.step(&features, &targets, lr)?;
        let expected = expected.as_f64().context("no number")?;
        let off = (f64::from(report.loss) - expected).abs();
        // Each step starts where rounding left the one before.
        let tolerance = 2.0 * LOGITS * expected.max(1.0);
        ensure!(
            off <= tolerance,
            "step {step}: loss {} for {expected}",
            report.loss
        );
        let expected = under(golden, &format!("step{}.", step + 1));
        ensure!(
            !expected.is_empty(),
            "nothing to compare after step {}",
            step + 1
        );
        for (name, tensor) in parameters(trainer.cocoop()) {
            let what = format!("{name} after step {}", step + 1);
            close_relative(&what, tensor, get(&expected, name)?, GRADIENTS)?;
        }
    }
    Ok(())
}

fn learner(tensors: &HashMap<String, Tensor>) -> Result<CoCoOp> {
    let tensor = |name: &str| get(tensors, name).cloned();
    Ok(CoCoOp {
        coop: Coop {
            context: tensor("ctx")?,
            position: ClassTokenPosition::End,
            class_names: Vec::new(),
            words: None,
        },
        meta_net: MetaNet {
            linear1_weight: tensor("meta_net.linear1.weight")?,
            linear1_bias: tensor("meta_net.linear1.bias")?,
            linear2_weight: tensor("meta_net.linear2.weight")?,
            linear2_bias: tensor("meta_net.linear2.bias")?,
        },
    })
}

fn parameters(cocoop: &CoCoOp) -> impl Iterator<Item = (&'static str, &Tensor)> {
    let context = std::iter::once(("ctx", &cocoop.coop.context));
    context.chain(cocoop.meta_net.tensors())
}

/// With the class name behind the context its length does not matter.
fn prompt_tokens(golden: &HashMap<String, Tensor>, cocoop: &CoCoOp) -> Result<PromptTokens> {
    let rows = rows(get(golden, "tokenized_prompts")?)?;
    let lengths = vec![1; rows.len()];
    Ok(PromptTokens::from_rows(
        &rows,
        cocoop.coop.n_ctx(),
        lengths,
    )?)
}
