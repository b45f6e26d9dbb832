//! scikit-learn's logistic regression, and CoOp's search for its `C`.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use candle_core::{D, DType, Tensor};
use clipwright_shared::ops::softmax;
use clipwright_shared::train::{Fit, Labelled, LogisticRegression, search_c};

use super::case::{Case, close, close_relative, get};

/// scikit-learn stops where no step lowers the objective by 1e-14 of it, up to 1e-6
/// of the largest weight from the minimum in these cases (`off_newton`); the file's
/// f32 and what the objective rounds away here are less.
const WEIGHTS: f64 = 1e-5;

/// What that does to probabilities, features being up to 10 long.
const PROBABILITIES: f64 = 1e-5;

/// `C` itself passes through a few logarithms and powers.
const C: f64 = 1e-9;

/// Far beyond what is needed in use, so that only the minimum is compared.
const TIGHT: LogisticRegression = LogisticRegression {
    c: 1.0,
    max_iterations: 10_000,
    tolerance: 1e-10,
};

pub fn check_fit(case: &Case) -> Result<()> {
    let golden = case.tensors(case.stem())?;
    let regression = LogisticRegression {
        c: case.number("c")?,
        ..TIGHT
    };
    let features = get(&golden, "features")?;
    let fit = regression.fit(features, &labels(&golden, "labels")?, n_classes(case)?)?;
    check_weights(&fit, &golden)?;
    let probabilities = softmax(&fit.logits(features)?)?;
    let expected = get(&golden, "probabilities")?;
    close("probabilities", &probabilities, expected, PROBABILITIES)?;
    let predicted: Vec<u32> = expected.argmax(D::Minus1)?.to_vec1()?;
    let predicted: Vec<usize> = predicted.into_iter().map(|class| class as usize).collect();
    ensure!(fit.predict(features)? == predicted, "other predictions");
    // What one gets without asking for more is the same to the eye.
    let usual = LogisticRegression {
        c: regression.c,
        ..LogisticRegression::default()
    };
    let usual = usual.fit(features, &labels(&golden, "labels")?, n_classes(case)?)?;
    ensure!(usual.converged, "the usual settings do not converge");
    let usual = softmax(&usual.logits(features)?)?;
    close(
        "probabilities at the usual tolerance",
        &usual,
        expected,
        0.02,
    )
}

pub fn check_search(case: &Case) -> Result<()> {
    let golden = case.tensors(case.stem())?;
    let train_labels = labels(&golden, "labels")?;
    let val_labels = labels(&golden, "val_labels")?;
    let train = Labelled {
        features: get(&golden, "features")?,
        labels: &train_labels,
    };
    let validation = Labelled {
        features: get(&golden, "val_features")?,
        labels: &val_labels,
    };
    let halvings = case.json["halvings"].as_u64().context("no halvings")? as usize;
    let mut fits = 0;
    let best = search_c(TIGHT, train, validation, n_classes(case)?, halvings, |_| {
        fits += 1
    })?;
    let expected: Vec<(f64, f64)> = serde_json::from_value(case.json["trials"].clone())?;
    ensure!(
        best.trials.len() == expected.len(),
        "{} trials; expected {}",
        best.trials.len(),
        expected.len()
    );
    for (at, (trial, (c, accuracy))) in best.trials.iter().zip(expected).enumerate() {
        ensure!(
            (trial.c / c - 1.0).abs() < C && (trial.accuracy - accuracy).abs() < 1e-12,
            "trial {at}: {trial:?}; expected {c}, {accuracy}"
        );
    }
    let c = case.number("c")?;
    ensure!((best.c / c - 1.0).abs() < C, "C {}; expected {c}", best.c);
    let ends_kept = halvings.saturating_sub(1);
    ensure!(
        fits + ends_kept == best.trials.len(),
        "{fits} fits for {} trials: each halving after the first needs one",
        best.trials.len()
    );
    check_weights(&best.fit, &golden)
}

fn check_weights(fit: &Fit, golden: &HashMap<String, Tensor>) -> Result<()> {
    ensure!(fit.converged, "no minimum after {} steps", fit.iterations);
    close_relative("weights", &fit.weight, get(golden, "weight")?, WEIGHTS)?;
    let bias = get(golden, "bias")?;
    let largest: f64 = bias.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar()?;
    close("biases", &fit.bias, bias, WEIGHTS * largest.max(1.0))
}

fn n_classes(case: &Case) -> Result<usize> {
    Ok(case.json["n_classes"].as_u64().context("no n_classes")? as usize)
}

fn labels(golden: &HashMap<String, Tensor>, name: &str) -> Result<Vec<usize>> {
    let labels = get(golden, name)?.to_vec1::<i64>()?;
    Ok(labels.into_iter().map(|label| label as usize).collect())
}
