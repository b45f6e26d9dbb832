//! Dassl's evaluator and scikit-learn's F1.

use anyhow::{Context, Result, ensure};
use candle_core::{D, DType};
use clipwright_shared::eval::{Metrics, harmonic_mean};

use super::case::{Case, get};

/// Percentages of the reference against fractions of ours.
const TOLERANCE: f64 = 1e-9;

pub fn check(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let cases = case.json["cases"].as_array().context("no cases")?;
    ensure!(!cases.is_empty(), "no cases");
    for golden in cases {
        let key = golden["key"].as_str().context("no key")?;
        let logits = get(&tensors, &format!("{key}.logits"))?;
        let labels = get(&tensors, &format!("{key}.labels"))?.to_dtype(DType::U32)?;
        // Ties go to the first class, as in the reference.
        let predicted: Vec<usize> = logits
            .argmax(D::Minus1)?
            .to_vec1::<u32>()?
            .into_iter()
            .map(|class| class as usize)
            .collect();
        let labels: Vec<usize> = labels
            .to_vec1::<u32>()?
            .into_iter()
            .map(|x| x as usize)
            .collect();
        let names: Vec<String> = (0..logits.dim(1)?).map(|class| class.to_string()).collect();
        let metrics = Metrics::new(&names, &predicted, &labels)?;
        let same = |name: &str, got: f64| {
            let expected = golden[name]
                .as_f64()
                .with_context(|| format!("no {name}"))?
                / 100.0;
            ensure!(
                (got - expected).abs() < TOLERANCE,
                "{key}, {name}: {got}; expected {expected}"
            );
            Ok(())
        };
        same("accuracy", metrics.accuracy)?;
        same("error_rate", metrics.error)?;
        same("macro_f1", metrics.macro_f1)?;
        let per_class = golden["per_class_accuracy"]
            .as_object()
            .context("no per_class_accuracy")?;
        for (class, expected) in per_class {
            let expected = expected.as_f64().context("no number")? / 100.0;
            let got = metrics.per_class[class.parse::<usize>()?].accuracy;
            ensure!(
                (got - expected).abs() < TOLERANCE,
                "{key}, class {class}: {got} for {expected}"
            );
        }
    }
    for row in case.json["harmonic_mean"]
        .as_array()
        .context("no harmonic_mean")?
    {
        let value = |at: usize| row[at].as_f64().context("no number");
        let (got, expected) = (harmonic_mean(value(0)?, value(1)?), value(2)?);
        ensure!(
            (got - expected).abs() < 1e-9,
            "harmonic mean {got}; expected {expected}"
        );
    }
    Ok(())
}
