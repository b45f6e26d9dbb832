//! Whole trainings by the binary, and how many of their steps are replays.

use std::fs;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use clipwright_tests::{clipwright_json, run_clipwright};
use serde_json::Value;

use crate::near;

#[test]
fn trainings_go_the_same_way() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    let run = |line: &str| -> Result<()> {
        let output = run_clipwright(here, line.split_whitespace())?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{line}: {error}");
        Ok(())
    };
    run("data generate shifted --out data --per-class 2")?;
    for method in [
        "coop --n-ctx 2 --epochs 2 --shots 1",
        "cocoop --epochs 1 --batch 5 --shots 1",
        "lora --steps 3 --rank 2 --shots 1 --batch 4",
    ] {
        let result = |more: &str| -> Result<(f64, Vec<(String, Tensor)>)> {
            run(&format!(
                "train {method} --model tiny --data data --subset base {more} --out run --overwrite"
            ))?;
            let summary: Value = serde_json::from_slice(&fs::read(here.join("run/summary.json"))?)?;
            let loss = summary["last_epoch"]["loss"].as_f64().context("no loss")?;
            let file = here.join("run/learned.safetensors");
            let mut learned: Vec<_> = candle_core::safetensors::load(file, &Device::Cpu)?
                .into_iter()
                .collect();
            learned.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok((loss, learned))
        };
        let (expected_loss, expected) = result("--device cpu")?;
        for (more, share) in [("f32", 0.005), ("tf32", 0.05), ("bf16", 0.1)] {
            let (loss, learned) = result(&format!("--device cuda --precision {more}"))?;
            let off = (loss - expected_loss).abs() / expected_loss;
            ensure!(
                off < f64::from(share),
                "{method} in {more}: {loss}, {expected_loss}"
            );
            ensure!(learned.len() == expected.len());
            for ((name, got), (_, expected)) in learned.iter().zip(&expected) {
                ensure!(got.dtype() == DType::F32, "{name}");
                if more == "f32" {
                    near(&format!("{method}: {name}"), got, expected, share)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_training_replays_all_steps_but_the_first() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for method in ["coop", "cocoop", "lora"] {
        let replays = |more: &str| -> Result<Option<u64>> {
            let line = format!(
                "bench {method} --model tiny --device cuda --classes 3 --images 8 --batch 2 \
                 --steps 8 --augment none {more} --json"
            );
            let figures = clipwright_json(folder.path(), line.split_whitespace())?;
            let parts = figures["parts"].as_array().context("no parts")?;
            let replay = parts.iter().find(|part| part["name"] == "replay");
            Ok(replay.and_then(|part| part["times"].as_u64()))
        };
        ensure!(replays("")? == Some(7), "{method}");
        ensure!(replays("--replay false")?.is_none(), "{method}");
    }
    Ok(())
}
