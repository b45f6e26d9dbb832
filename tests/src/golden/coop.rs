//! KaiyangZhou/CoOp: prompts, features, logits, the context's gradient, and
//! whole training trajectories.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Tensor, Var};
use clipwright_shared::clip::{Clip, logits};
use clipwright_shared::learners::{ClassTokenPosition, Coop, PromptTokens, text_features};
use clipwright_shared::ops::cross_entropy;
use clipwright_shared::train::{
    CoopTrainer, OptimizerSettings, Schedule, Targets, Trainer, image_features,
};

use super::case::{Case, close, close_relative, get, rows};
use super::schedules;

const FEATURES: f64 = 1e-4;
const LOGITS: f64 = 1e-3;
const GRADIENTS: f64 = 1e-3;

/// Prompts → features → logits → loss → gradient, once.
pub fn check_forward(case: &Case) -> Result<()> {
    let clip = case.model(case.text("weights")?)?;
    let golden = case.tensors(case.stem())?;
    let context = get(&golden, "ctx")?;
    let (coop, tokens) = learner(case, &golden, context)?;

    let prompts = coop.prompts(&clip, &tokens)?;
    let filled = prompts.fill(context)?;
    check_prompts(&clip, &filled, get(&golden, "prompts_first24")?)?;
    let features = prompts.encode(&clip.text, context, 1)?;
    close_relative(
        "text_features",
        &features,
        get(&golden, "text_features")?,
        FEATURES,
    )?;

    let images = case.json["images_from"].as_str().unwrap_or(case.stem());
    let images = case.tensors(images)?;
    let image = image_features(&clip, get(&images, "image")?)?;
    let labels = get(&images, "label")?.to_dtype(DType::U32)?;

    let variable = Var::from_tensor(context)?;
    let text = text_features(&clip, &prompts, variable.as_tensor())?;
    let logits = logits(&image, &text, clip.logit_scale()?)?;
    close("logits", &logits, get(&golden, "logits")?, LOGITS)?;
    let loss = cross_entropy(&logits, &labels)?;
    close("loss", &loss, get(&golden, "loss")?, LOGITS)?;
    let gradients = loss.backward()?;
    let gradient = gradients
        .get(&variable)
        .context("the context has no gradient")?;
    close_relative("grad_ctx", gradient, get(&golden, "grad_ctx")?, GRADIENTS)
}

/// Every step of a training.
pub fn check_trajectory(case: &Case) -> Result<()> {
    let clip = case.model(case.text("weights")?)?;
    let golden = case.tensors(case.stem())?;
    let steps = get(&golden, "ctx_steps")?;
    let (coop, tokens) = learner(case, &golden, &steps.get(0)?)?;
    let shared = case.json["images_and_labels"].as_str().unwrap_or_default();
    let data = match shared.strip_prefix("in ") {
        Some(name) => case.tensors(name)?,
        None => golden.clone(),
    };
    let (images, labels) = (
        get(&data, "images")?,
        get(&data, "labels")?.to_dtype(DType::U32)?,
    );

    let optimiser = &case.json["OPTIM"];
    ensure!(
        optimiser["NAME"] == "sgd",
        "an optimiser other than SGD: {}",
        optimiser["NAME"]
    );
    let schedule: Schedule = schedules::schedule(optimiser)?;
    let sgd = OptimizerSettings::Sgd {
        momentum: number(&optimiser["MOMENTUM"])?,
        weight_decay: number(&optimiser["WEIGHT_DECAY"])?,
    };
    // All classes at once, and two at a time: the same training.
    for at_once in [usize::MAX, 2] {
        let trainer = CoopTrainer::new(&clip, coop.clone(), &tokens, at_once, sgd)?;
        follow(case, &golden, (images, &labels), &clip, trainer, &schedule)
            .with_context(|| format!("{at_once} classes at once"))?;
    }
    Ok(())
}

/// Trains along the golden steps.
fn follow(
    case: &Case,
    golden: &HashMap<String, Tensor>,
    (images, labels): (&Tensor, &Tensor),
    clip: &Clip,
    mut trainer: CoopTrainer,
    schedule: &Schedule,
) -> Result<()> {
    let steps = get(golden, "ctx_steps")?;
    let batches = case.number("batches_per_epoch")? as usize;
    let rounding = case.json["max_abs_ctx_diff_f32_vs_f64_per_step"]
        .as_array()
        .context("no bounds")?;
    let losses = case.json["losses"].as_array().context("no losses")?;
    ensure!(
        losses.len() == steps.dims()[0] - 1,
        "{} losses",
        losses.len()
    );
    for (step, (loss, rounding)) in losses.iter().zip(rounding).enumerate() {
        let features = image_features(clip, &images.get(step)?)?;
        let labels = labels.get(step)?;
        if step == 0 {
            let loss = cross_entropy(&trainer.logits(&features)?, &labels)?;
            let gradients = loss.backward()?;
            let gradient = gradients.get(trainer.context()).context("no gradient")?;
            close_relative(
                "grad_first",
                gradient,
                get(golden, "grad_first")?,
                GRADIENTS,
            )?;
        }
        let targets = Targets::labels(&labels);
        let report = trainer.step(&features, &targets, schedule.lr(step / batches))?;
        let expected = number(loss)?;
        let off = (f64::from(report.loss) - expected).abs();
        ensure!(
            off <= LOGITS * expected.max(1.0),
            "step {step}: loss {} for {expected}",
            report.loss
        );
        // The reference's own f32 run is this far from its f64 run; another order
        // of summation may be several times as far.
        let tolerance = 10.0 * number(rounding)? + 1e-6;
        let context = trainer.context().as_tensor();
        close(
            &format!("ctx after step {step}"),
            context,
            &steps.get(step + 1)?,
            tolerance,
        )?;
    }
    let logits = trainer.logits(&image_features(clip, &images.get(0)?)?)?;
    close(
        "final_logits_batch0",
        &logits,
        get(golden, "final_logits_batch0")?,
        5.0 * LOGITS,
    )
}

/// The learner and the tokens that a case describes.
fn learner(
    case: &Case,
    golden: &HashMap<String, Tensor>,
    context: &Tensor,
) -> Result<(Coop, PromptTokens)> {
    let position = match case.text("CLASS_TOKEN_POSITION")? {
        "end" => ClassTokenPosition::End,
        "middle" => ClassTokenPosition::Middle,
        "front" => ClassTokenPosition::Front,
        other => bail!("class token position {other}"),
    };
    let names = case.json["classnames"]
        .as_array()
        .context("no classnames")?;
    let coop = Coop {
        context: context.clone(),
        position,
        class_names: names
            .iter()
            .map(|name| name.as_str().unwrap_or_default().into())
            .collect(),
        words: None,
    };
    let lengths = get(golden, "name_lens")?
        .to_dtype(DType::U32)?
        .to_vec1::<u32>()?;
    let lengths = lengths.into_iter().map(|length| length as usize).collect();
    let rows = rows(get(golden, "tokenized_prompts")?)?;
    let tokens = PromptTokens::from_rows(&rows, coop.n_ctx(), lengths)?;
    Ok((coop, tokens))
}

/// Compares each prompt up to its end of text. Ours end there; the reference's are padded
/// with the embedding of token 0.
fn check_prompts(clip: &Clip, filled: &[Tensor], expected: &Tensor) -> Result<()> {
    let kept = expected.dim(1)?;
    let padding = clip.text.token_embedding(&[0])?;
    for (class, filled) in filled.iter().enumerate() {
        let expected = expected.get(class)?;
        let length = filled.dim(0)?.min(kept);
        let got = filled.narrow(0, 0, length)?;
        close("prompts", &got, &expected.narrow(0, 0, length)?, 0.0)?;
        if length < kept {
            let rest = expected.narrow(0, length, kept - length)?;
            let padding = padding.broadcast_as(rest.shape())?.contiguous()?;
            close("padding", &padding, &rest, 0.0)?;
        }
    }
    Ok(())
}

fn number(value: &serde_json::Value) -> Result<f64> {
    value
        .as_f64()
        .with_context(|| format!("{value} is no number"))
}
