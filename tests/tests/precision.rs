//! Computing in half precision: near the f32 results, and what is learned stays in f32.

use std::fs;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::clip::{TokenRow, Weights};
use clipwright_tests::{repository_root, run_clipwright};
use serde_json::Value;

/// Half precision keeps 11 bits; some of the residual stream's are lost in each of its
/// eight additions.
const FEATURES: f64 = 0.02;

fn session(dtype: DType) -> Result<Session> {
    let bytes = fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let weights = Weights::from_bytes(&bytes, &Device::Cpu)?;
    Ok(Session::in_precision(weights, &Device::Cpu, dtype)?)
}

/// The largest difference, relative to the largest value.
fn difference(got: &Tensor, expected: &Tensor) -> Result<f64> {
    let largest = |tensor: Tensor| -> Result<f64> {
        Ok(f64::from(tensor.abs()?.max_all()?.to_scalar::<f32>()?))
    };
    Ok(largest((got - expected)?)? / largest(expected.clone())?)
}

#[test]
fn features_in_f16_are_near_those_in_f32() -> Result<()> {
    let (half, full) = (session(DType::F16)?, session(DType::F32)?);
    ensure!(
        half.fingerprint() == full.fingerprint(),
        "learned files name the model"
    );
    let side = full.clip.config.image.side;
    let pixels: Vec<f32> = (0..3 * side * side)
        .map(|i| (i as f32 * 0.37).sin())
        .collect();
    let pixels = Tensor::from_vec(pixels, (1, 3, side, side), &Device::Cpu)?;
    let length = full.clip.text.context_length();
    let row: TokenRow = full.tokenizer.row("a photo of a red star.", length)?;
    for (what, got, expected) in [
        (
            "image",
            half.clip.image.forward(&pixels)?,
            full.clip.image.forward(&pixels)?,
        ),
        (
            "text",
            half.clip.encode_tokens(std::slice::from_ref(&row))?,
            full.clip.encode_tokens(std::slice::from_ref(&row))?,
        ),
    ] {
        ensure!(
            got.dtype() == DType::F32,
            "{what} features in {:?}",
            got.dtype()
        );
        let off = difference(&got, &expected)?;
        ensure!(off > 0.0, "{what} features were computed in f32");
        ensure!(off < FEATURES, "{what} features are {off} off");
    }
    Ok(())
}

#[test]
fn learning_in_f16_goes_the_same_way() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    let run = |line: &str| -> Result<std::process::Output> {
        run_clipwright(here, line.split_whitespace())
    };
    ensure!(
        run("data generate shifted --out data --per-class 2")?
            .status
            .success()
    );
    for method in [
        "coop --n-ctx 2 --epochs 3 --shots 1",
        "cocoop --epochs 1 --batch 5 --shots 1",
        "lora --steps 4 --rank 2 --dropout 0 --shots 1 --batch 4",
    ] {
        let mut losses = Vec::new();
        for precision in ["f32", "f16"] {
            let line = format!(
                "train {method} --model tiny --data data --subset base --precision {precision} \
                 --out run --overwrite"
            );
            let output = run(&line)?;
            let error = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{line}: {error}");
            let summary: Value = serde_json::from_slice(&fs::read(here.join("run/summary.json"))?)?;
            let loss = &summary["last_epoch"]["loss"];
            losses.push(loss.as_f64().context("no loss")?);
            let learned =
                candle_core::safetensors::load(here.join("run/learned.safetensors"), &Device::Cpu)?;
            ensure!(learned.values().all(|tensor| tensor.dtype() == DType::F32));
        }
        let off = (losses[0] - losses[1]).abs() / losses[0];
        ensure!(off < 0.02 && off > 0.0, "{method}: losses {losses:?}");
    }
    for precision in ["bf16", "tf32"] {
        let line = format!("train coop --model tiny --data data --precision {precision}");
        let output = run(&format!("{line} --out other"))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(
            error.contains(precision) && error.contains("hint: "),
            "{error}"
        );
    }
    Ok(())
}
