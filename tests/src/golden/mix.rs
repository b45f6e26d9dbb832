//! timm's Mixup and CutMix of a batch, with the numbers that timm drew.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Var};
use clipwright_shared::train::{Mix, Targets};
use clipwright_shared::views::MixDraw;
use serde_json::Value;

use super::case::{Case, close, get};

/// One rounding in f32 of values up to 5.
const PIXELS: f64 = 1e-6;
/// The same of values up to 1; targets are read out of a gradient.
const TARGETS: f64 = 1e-6;
/// A mean of logarithms of f32 logits up to 10.
const LOSS: f64 = 1e-5;

pub fn check(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let batches = case.json["batches"].as_array().context("no batches")?;
    ensure!(!batches.is_empty(), "no batches");
    for batch in batches {
        let key = batch["key"].as_str().context("no key")?;
        let tensor = |name: &str| get(&tensors, &format!("{key}.{name}"));
        let pixels = tensor("pixels")?;
        let (images, _, height, width) = pixels.dims4()?;
        let draw = draw(batch, width as u32, height as u32)?;
        let kept = number(batch, "kept")?;
        ensure!(
            (draw.kept() - kept).abs() < 1e-12,
            "{key}: {draw:?}; expected to keep {kept}"
        );
        let mixed = draw.apply(pixels)?;
        close(&format!("{key}, pixels"), &mixed, tensor("mixed")?, PIXELS)?;

        let n_classes = batch["n_classes"].as_u64().context("no n_classes")? as usize;
        let mix = Mix {
            kept: vec![kept; images],
            partners: (0..images).rev().collect(),
        };
        let labels = Targets::labels(&tensor("labels")?.to_dtype(DType::U32)?);
        let targets = labels.softened(n_classes, number(batch, "smoothing")?, Some(&mix))?;
        let loss = targets.loss(tensor("logits")?)?;
        close(&format!("{key}, loss"), &loss, tensor("loss")?, LOSS)?;
        // At logits of zero the gradient of the mean loss is (1/C - target) / B.
        let logits = Var::zeros((images, n_classes), DType::F32, pixels.device())?;
        let gradients = targets.loss(&logits)?.backward()?;
        let gradient = gradients.get(&logits).context("no gradient")?;
        let got = gradient.affine(-(images as f64), 1.0 / n_classes as f64)?;
        close(
            &format!("{key}, targets"),
            &got,
            tensor("targets")?,
            TARGETS,
        )?;
    }
    Ok(())
}

fn draw(batch: &Value, width: u32, height: u32) -> Result<MixDraw> {
    Ok(match batch["kind"].as_str() {
        Some("none") => MixDraw::None,
        Some("mixup") => MixDraw::Mixup {
            kept: number(batch, "share")?,
        },
        Some("cutmix") => {
            let centre: [u32; 2] = serde_json::from_value(batch["centre"].clone())?;
            MixDraw::cut(number(batch, "share")?, centre, width, height)
        }
        kind => bail!("no kind {kind:?} of mixing"),
    })
}

fn number(batch: &Value, key: &str) -> Result<f64> {
    let number = batch[key].as_f64();
    number.with_context(|| format!("no number `{key}`"))
}
