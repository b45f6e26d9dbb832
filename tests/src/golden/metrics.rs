//! Dassl's evaluator and scikit-learn's F1.

use anyhow::{Context, Result, ensure};
use candle_core::{D, DType};
use clipwright_shared::eval::{
    ConfusionMatrix, F1_THRESHOLD, Metrics, harmonic_mean, ranked, synthetic_images_per_class,
};
use serde_json::Value;

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
        let rows = logits.to_vec2::<f32>()?;
        let ranked: Vec<Vec<usize>> = rows.iter().map(|scores| ranked(scores)).collect();
        let mut from_ranked = Metrics::from_ranked(&names, &ranked, &labels)?;
        from_ranked.top5 = None;
        ensure!(
            from_ranked == metrics,
            "{key}: ranked predictions give other measures"
        );
        let matrix = ConfusionMatrix::new(&names, &predicted, &labels)?;
        check_selection(key, &golden["seed001"], &metrics, &matrix)?;
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

/// scikit-learn's recall, F1 and support of every class, and the images that
/// DISEF's selection asks for.
fn check_selection(
    key: &str,
    golden: &Value,
    metrics: &Metrics,
    matrix: &ConfusionMatrix,
) -> Result<()> {
    let numbers = |name: &str| -> Result<Vec<f64>> {
        let list = golden[name].as_array();
        let list = list.with_context(|| format!("{key}: no {name}"))?;
        let number = |value: &Value| value.as_f64().context("no number");
        list.iter().map(number).collect()
    };
    let classes = &metrics.per_class;
    let recall: Vec<f64> = classes.iter().map(|class| class.accuracy).collect();
    let f1: Vec<f64> = classes.iter().map(|class| class.f1).collect();
    let support: Vec<f64> = classes.iter().map(|class| class.images as f64).collect();
    for (name, got) in [("recall", recall), ("f1", f1), ("support", support)] {
        let expected = numbers(name)?;
        let near = |(got, expected): (&f64, &f64)| (got - expected).abs() < TOLERANCE;
        ensure!(
            got.len() == expected.len() && got.iter().zip(&expected).all(near),
            "{key}, {name}: {got:?}; expected {expected:?}"
        );
    }
    let most = 32;
    let wanted = synthetic_images_per_class(metrics, F1_THRESHOLD, most);
    let expected = golden["samples_per_class_max32"]
        .as_object()
        .with_context(|| format!("{key}: no samples_per_class_max32"))?;
    ensure!(
        expected.len() == wanted.len(),
        "{key}: {} classes; expected {}",
        wanted.len(),
        expected.len()
    );
    for (class, expected) in expected {
        let got = wanted.get(class.parse::<usize>()?).map(|&got| got as u64);
        ensure!(
            got == expected.as_u64(),
            "{key}, synthetic images of class {class}: {got:?}; expected {expected}"
        );
    }
    let precision = |class: usize| {
        let guesses: usize = matrix.counts.iter().map(|row| row[class]).sum();
        matrix.counts[class][class] as f64 / guesses.max(1) as f64
    };
    for (class, expected) in numbers("precision")?.into_iter().enumerate() {
        let got = precision(class);
        ensure!(
            (got - expected).abs() < TOLERANCE,
            "{key}, precision of class {class}: {got}; expected {expected}"
        );
    }
    Ok(())
}
