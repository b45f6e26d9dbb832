//! `explain`: numbers that are computed here in another way.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{Learner, Scaling};
use clipwright_tests::{clipwright_json, run_clipwright};
use serde_json::Value;

use super::made;

fn explain(folder: &Path, file: &LearnedFile, more: &str) -> Result<Value> {
    fs::write(folder.join("file"), file.to_bytes()?)?;
    let line = format!("explain file --json{more}");
    clipwright_json(folder, line.split(' '))
}

fn number(value: &Value) -> Result<f64> {
    value
        .as_f64()
        .with_context(|| format!("{value} is no number"))
}

fn near(what: &str, got: &Value, expected: f64) -> Result<()> {
    let got = number(got)?;
    let off = (got - expected).abs();
    ensure!(
        off <= 1e-5 * expected.abs().max(1e-3),
        "{what}: {got} for {expected}"
    );
    Ok(())
}

fn norm(tensor: &Tensor) -> Result<f64> {
    let squares = tensor.to_dtype(candle_core::DType::F64)?.sqr()?.sum_all()?;
    Ok(squares.to_scalar::<f64>()?.sqrt())
}

#[test]
fn words_start_as_themselves() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let session = made::session()?;
    let file = made::coop(&session, false, Some("a photo of"))?;
    let words = session.tokenizer.encode("a photo of");
    let got = explain(temporary.path(), &file, " --model tiny --top 3")?;
    let vectors = got["vectors"].as_array().context("no vectors")?;
    ensure!(vectors.len() == 3 && got["method"] == "coop", "{got}");
    let embeddings = session.clip.text.token_embedding(&words)?;
    for (at, (vector, word)) in vectors.iter().zip(["a", "photo", "of"]).enumerate() {
        let nearest = vector["nearest"].as_array().context("no words")?;
        ensure!(nearest.len() == 3, "{vector}");
        let spelled = nearest[0]["word"].as_str().unwrap_or_default();
        // A cut vocabulary may spell a word in pieces; the first ones stand here.
        ensure!(
            word.starts_with(spelled.trim_end_matches("</w>")),
            "{vector}"
        );
        ensure!(number(&nearest[0]["distance"])? == 0.0, "{vector}");
        ensure!(vector["vector"] == at + 1, "{vector}");
        near("norm", &vector["norm"], norm(&embeddings.get(at)?)?)?;
        let farther = |pair: &[Value]| pair[0]["distance"].as_f64() <= pair[1]["distance"].as_f64();
        ensure!(nearest.windows(2).all(farther), "{vector}");
    }
    let ids: Vec<u32> = (0..session.clip.text.vocabulary() as u32).collect();
    let all = session.clip.text.token_embedding(&ids)?;
    let mut total = 0.0;
    for row in 0..ids.len() {
        total += norm(&all.get(row)?)?;
    }
    near(
        "mean norm",
        &got["mean_token_norm"],
        total / ids.len() as f64,
    )?;
    // Without a model: what needs none.
    let got = explain(temporary.path(), &file, "")?;
    ensure!(got["mean_token_norm"].is_null());
    ensure!(
        got["vectors"][0]["nearest"] == serde_json::json!([]),
        "{got}"
    );
    Ok(())
}

#[test]
fn class_specific_vectors_are_shown_class_by_class() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let session = made::session()?;
    let file = made::coop(&session, true, None)?;
    let got = explain(here, &file, " --model tiny")?;
    let vectors = got["vectors"].as_array().context("no vectors")?;
    ensure!(vectors.len() == 9, "{got}");
    ensure!(vectors[3]["class"] == made::CLASSES[1] && vectors[3]["vector"] == 1);
    let got = explain(here, &file, " --class yellow_ring")?;
    ensure!(got["vectors"].as_array().map(Vec::len) == Some(3), "{got}");
    let context = file.tensors.get("ctx").context("no ctx")?.get(1)?;
    near("norm", &got["vectors"][2]["norm"], norm(&context.get(2)?)?)?;
    let output = run_clipwright(here, ["explain", "file", "--class", "nobody"])?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1) && error.contains("\"nobody\""),
        "{error}"
    );
    ensure!(error.contains("yellow_ring"), "{error}");
    Ok(())
}

#[test]
fn a_meta_nets_norms_are_its_own() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let session = made::session()?;
    let file = made::cocoop(&session)?;
    let got = explain(temporary.path(), &file, "")?;
    for layer in ["linear1", "linear2"] {
        for kind in ["bias", "weight"] {
            let tensor = file.tensors.get(&format!("meta_net.{layer}.{kind}"));
            let expected = norm(tensor.context("no tensor")?)?;
            near(layer, &got["meta_net"][format!("{layer}_{kind}")], expected)?;
        }
    }
    let Learner::CoCoOp(cocoop) = file.learner(&session.clip, "any")? else {
        anyhow::bail!("no CoCoOp");
    };
    let zero = Tensor::zeros(
        (1, session.clip.config.embed_dim),
        candle_core::DType::F32,
        &candle_core::Device::Cpu,
    )?;
    let shift = cocoop.meta_net.forward(&zero)?;
    near("shift", &got["meta_net"]["shift_of_zero"], norm(&shift)?)
}

#[test]
fn an_adapters_layers_are_measured() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let session = made::session()?;
    let (image, text) = (made::sizes(2, 3.0), made::sizes(4, 1.0));
    let projections = Projection::ALL;
    let file = made::lora(&session, image, text, Scaling::AlphaOverRank, &projections)?;
    let got = explain(temporary.path(), &file, " --model tiny")?;
    let layers = got["layers"].as_array().context("no layers")?;
    let Learner::Lora(lora) = file.learner(&session.clip, "any")? else {
        anyhow::bail!("no adapter");
    };
    let tiny = clipwright_tests::repository_root().join("static/model/tiny.safetensors");
    let weights =
        clipwright_shared::clip::Weights::from_bytes(&fs::read(tiny)?, &candle_core::Device::Cpu)?;
    let weights: std::collections::HashMap<&str, Tensor> = weights
        .iter()
        .collect::<std::result::Result<_, clipwright_shared::Error>>()?;
    let mut expected = Vec::new();
    for (blocks, transformer) in [
        (&lora.adapter.image, "visual.transformer"),
        (&lora.adapter.text, "transformer"),
    ] {
        for (block, adapter) in blocks.iter().enumerate() {
            for (part, (_, layer)) in adapter.parts.iter().enumerate() {
                let prefix = format!("{transformer}.resblocks.{block}.attn");
                let weight = match part {
                    3 => weights[&*format!("{prefix}.out_proj.weight")].clone(),
                    _ => {
                        let all = &weights[&*format!("{prefix}.in_proj_weight")];
                        let width = all.dim(1)?;
                        all.narrow(0, part * width, width)?
                    }
                };
                expected.push((norm(&layer.dense()?)?, norm(&weight)?));
            }
        }
    }
    ensure!(
        layers.len() == expected.len() && !expected.is_empty(),
        "{got}"
    );
    for (layer, (change, weight)) in layers.iter().zip(expected) {
        near("norm", &layer["norm"], change)?;
        near("share", &layer["share"], change / weight)?;
    }
    ensure!(layers[0]["is_image"] == true && layers[0]["rank"] == 2);
    let text = layers.iter().find(|layer| layer["is_image"] == false);
    ensure!(text.context("no text layers")?["rank"] == 4);
    Ok(())
}

#[test]
fn a_probes_classes_are_compared() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let session = made::session()?;
    let file = made::probe(&session)?;
    let got = explain(temporary.path(), &file, " --top 1")?;
    let classes = got["classes"].as_array().context("no classes")?;
    ensure!(classes.len() == 3, "{got}");
    let weight = file.tensors.get("probe.weight").context("no weight")?;
    for (at, class) in classes.iter().enumerate() {
        near("norm", &class["norm"], norm(&weight.get(at)?)?)?;
        let best = (0..3)
            .filter(|other| *other != at)
            .map(|other| -> Result<f64> {
                let product = (weight.get(at)? * weight.get(other)?)?.sum_all()?;
                let product = f64::from(product.to_scalar::<f32>()?);
                Ok(product / norm(&weight.get(at)?)? / norm(&weight.get(other)?)?)
            })
            .collect::<Result<Vec<f64>>>()?;
        let best = best.into_iter().fold(f64::MIN, f64::max);
        let nearest = class["nearest"].as_array().context("no nearest")?;
        ensure!(nearest.len() == 1, "{class}");
        let off = (number(&nearest[0]["cosine"])? - best).abs();
        ensure!(off < 1e-5, "{class}: {best}");
    }
    near("bias", &classes[1]["bias"], -1.0)
}
