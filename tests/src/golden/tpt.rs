//! Test-time prompt tuning: the ten losses with their gradients, and whole steps.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Tensor, Var};
use clipwright_shared::learners::{ClassTokenPosition, Coop, PromptTokens};
use clipwright_shared::train::image_features;
use clipwright_shared::tuning::{
    Layout, Loss, Selection, Tuned, Tuner, TuningSettings, entropy_of_mean, select_confident,
};
use serde_json::Value;

use super::case::{Case, close, close_relative, get, rows};

/// Of a value in nats: sums of up to a thousand f32 terms.
const LOSS: f64 = 2e-5;
/// Of the largest gradient.
const GRADIENTS: f64 = 1e-3;
const LOGITS: f64 = 1e-3;

pub fn check(case: &Case) -> Result<()> {
    match case.stem() {
        "losses" => check_losses(case),
        "steps" => check_steps(case),
        _ => bail!("no reader for {}", case.path()),
    }
}

fn check_losses(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let golden = case.json.as_array().context("no rows")?;
    ensure!(!golden.is_empty(), "no rows");
    for row in golden {
        let key = row["key"].as_str().context("no key")?;
        let name = row["loss"].as_str().context("no loss")?;
        let what = format!("{key}, {name}, {}", row["selection_p_all"]);
        let logits = get(&tensors, &format!("{key}.logits"))?;
        match name.strip_prefix("azshue_TPT") {
            Some(_) => check_azshue(&tensors, key, logits, row),
            None => check_loss(&tensors, logits, row),
        }
        .context(what)?;
    }
    Ok(())
}

/// The original's selection and entropy.
fn check_azshue(
    tensors: &HashMap<String, Tensor>,
    key: &str,
    logits: &Tensor,
    row: &Value,
) -> Result<()> {
    let name = row["loss"].as_str().context("no loss")?;
    let share = name
        .split_once("select(")
        .and_then(|(_, rest)| rest.split_once(')'));
    let share: f64 = share.context("no share")?.0.parse()?;
    let selected = select_confident(logits, share)?;
    let expected = get(tensors, &format!("{key}.azshue.idx"))?.to_vec1::<i64>()?;
    let got: Vec<i64> = selected.iter().map(|view| *view as i64).collect();
    ensure!(got == expected, "selected {got:?}; expected {expected:?}");
    let index: Vec<u32> = selected.iter().map(|view| *view as u32).collect();
    let trusted = logits.index_select(&Tensor::new(index, logits.device())?, 0)?;
    same_value(&entropy_of_mean(&trusted)?, row)
}

fn check_loss(tensors: &HashMap<String, Tensor>, logits: &Tensor, row: &Value) -> Result<()> {
    let loss: Loss = serde_json::from_value(row["loss"].clone())?;
    let (layout, selection) = settings(row)?;
    let (views, classes) = logits.dims2()?;
    ensure!(
        views as u64 == row["N"].as_u64().context("no N")?,
        "{views} views"
    );
    let checked = loss.check(views, classes, layout, selection);
    let variable = Var::from_tensor(logits)?;
    let value = loss.value(&variable, layout, selection);
    if let Some(error) = row["error"].as_str() {
        let refused = value.is_err() && checked.is_err();
        ensure!(refused, "not refused; the reference fails with {error}");
        return Ok(());
    }
    let value = value?;
    same_value(&value, row)?;
    let name = row["grad"].as_str().context("no gradient")?;
    let gradients = value.backward()?;
    let zeros = logits.zeros_like()?;
    let gradient = gradients.get(&variable).unwrap_or(&zeros);
    let got: f64 = sum_of_sizes(gradient)?;
    let expected = number(row, "grad_abs_sum")?;
    ensure!(
        (got - expected).abs() <= GRADIENTS * expected.max(1e-3),
        "the gradient sums to {got}; expected {expected}"
    );
    match tensors.get(name) {
        Some(expected) => close_gradient(gradient, expected),
        // Of large ones, the first rows that are not zero.
        None => {
            let rows = get(tensors, &format!("{name}.rows"))?.to_dtype(DType::U32)?;
            let values = get(tensors, &format!("{name}.values"))?;
            let count = values.dim(0)?;
            if count == 0 {
                return close_gradient(gradient, &zeros);
            }
            let rows = rows.narrow(0, 0, count)?;
            close_gradient(&gradient.index_select(&rows, 0)?, values)
        }
    }
}

fn sum_of_sizes(tensor: &Tensor) -> Result<f64> {
    let sum = tensor.to_dtype(DType::F64)?.abs()?.sum_all()?;
    Ok(sum.to_scalar()?)
}

fn close_gradient(got: &Tensor, expected: &Tensor) -> Result<()> {
    let largest: f32 = expected.abs()?.max_all()?.to_scalar()?;
    // A saturated prediction's gradient is rounding.
    let tolerance = GRADIENTS * f64::from(largest).max(1e-5);
    close("the gradient", got, expected, tolerance)
}

fn same_value(value: &Tensor, row: &Value) -> Result<()> {
    let got = f64::from(value.to_scalar::<f32>()?);
    let expected = number(row, "value")?;
    ensure!(
        (got - expected).abs() <= LOSS * expected.abs().max(1.0),
        "{got}; expected {expected}"
    );
    Ok(())
}

fn settings(row: &Value) -> Result<(Layout, Selection)> {
    let layout = Layout {
        patches: number(row, "n_patches")? as usize,
        n_aug: number(row, "n_aug")? as usize,
    };
    let selection = Selection {
        all: number(row, "selection_p_all")?,
        patch: number(row, "selection_p_patch")?,
        alpha: number(row, "alpha")?,
    };
    Ok((layout, selection))
}

fn check_steps(case: &Case) -> Result<()> {
    let clip = case.model(case.text("weights")?)?;
    let golden = case.tensors(case.stem())?;
    let features = image_features(&clip, get(&golden, "views")?)?;
    let names: Vec<String> = serde_json::from_value(case.json["classnames"].clone())?;
    let cases = case.json["cases"].as_array().context("no cases")?;
    ensure!(!cases.is_empty(), "no cases");
    for row in cases {
        let key = format!("step{}", row["step"]);
        let start = get(&golden, &format!("{key}.ctx_before"))?;
        let coop = Coop {
            context: start.clone(),
            position: ClassTokenPosition::End,
            class_names: names.clone(),
            words: None,
        };
        let rows = rows(get(&golden, &format!("{key}.tokenized_prompts"))?)?;
        // The class name comes last, so that its length does not matter.
        let tokens = PromptTokens::from_rows(&rows, coop.n_ctx(), vec![1; rows.len()])?;
        let (layout, selection) = settings(row)?;
        let loss: Loss = serde_json::from_value(row["loss"].clone())?;
        // All classes at once, and two at a time: the same step.
        for classes_at_once in [usize::MAX, 2] {
            let settings = TuningSettings {
                loss,
                layout,
                selection,
                classes_at_once,
                ..adam_w(row)?
            };
            let tuner = Tuner::new(&clip, &coop, &tokens, settings)?;
            check_step(&golden, &key, row, &tuner, &features)
                .with_context(|| format!("{key}, {classes_at_once} classes at once"))?;
        }
    }
    Ok(())
}

/// The optimiser as it is written: "AdamW lr 5e-3 wd 1e-2 (…".
fn adam_w(row: &Value) -> Result<TuningSettings> {
    let words = row["optimizer"].as_str().context("no optimizer")?;
    let words: Vec<&str> = words.split_whitespace().collect();
    ensure!(words.first() == Some(&"AdamW"), "{words:?}");
    let after = |name: &str| -> Result<f64> {
        let at = words.iter().position(|word| *word == name);
        let word = at.and_then(|at| words.get(at + 1));
        Ok(word.with_context(|| format!("no {name}"))?.parse()?)
    };
    Ok(TuningSettings {
        lr: after("lr")?,
        weight_decay: after("wd")?,
        ..TuningSettings::default()
    })
}

fn check_step(
    golden: &HashMap<String, Tensor>,
    key: &str,
    row: &Value,
    tuner: &Tuner,
    views: &Tensor,
) -> Result<()> {
    let tensor = |name: &str| get(golden, &format!("{key}.{name}"));
    let logits = tuner.logits(views)?;
    close("logits", &logits, tensor("logits_all_views")?, LOGITS)?;
    let (loss, gradient) = tuner.gradient(views)?;
    let expected = number(row, "value")?;
    // Of logits that are themselves off in the fifth place.
    ensure!(
        (f64::from(loss) - expected).abs() <= LOGITS * expected.abs().max(1e-2),
        "loss {loss}; expected {expected}"
    );
    let golden_gradient = tensor("grad_ctx")?;
    close_relative("grad_ctx", &gradient, golden_gradient, GRADIENTS)?;

    let tuned = tuner.tune(views)?;
    check_context(&tuned, golden_gradient, tensor("ctx_after")?)?;
    for (name, got) in [
        ("logits_before", &tuned.base),
        ("logits_after", &tuned.tuned),
    ] {
        let got = Tensor::new(got.as_slice(), views.device())?.unsqueeze(0)?;
        close(name, &got, tensor(name)?, 5.0 * LOGITS)?;
    }
    Ok(())
}

/// AdamW's first step moves each element by the sign of its gradient, so that those whose
/// gradient is rounding are not compared.
fn check_context(tuned: &Tuned, gradient: &Tensor, expected: &Tensor) -> Result<()> {
    let gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
    let expected: Vec<f32> = expected.flatten_all()?.to_vec1()?;
    let got = tuned.context.concat();
    ensure!(got.len() == expected.len(), "{} elements", got.len());
    let largest = gradient
        .iter()
        .fold(0f32, |largest, value| largest.max(value.abs()));
    let clear = |gradient: f32| gradient.abs() > 2.0 * GRADIENTS as f32 * largest;
    let mut compared = 0;
    for ((got, expected), gradient) in got.iter().zip(&expected).zip(&gradient) {
        if clear(*gradient) {
            let off = (got - expected).abs();
            ensure!(off < 2e-6, "an element is {got}; expected {expected}");
            compared += 1;
        }
    }
    ensure!(
        2 * compared > got.len(),
        "only {compared} could be compared"
    );
    Ok(())
}

fn number(row: &Value, key: &str) -> Result<f64> {
    let number = row[key].as_f64();
    number.with_context(|| format!("no number `{key}`"))
}
