//! Files that are damaged, of another kind, or do not say enough.

use std::fs;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use clipwright_shared::checkpoint::tensors_to_bytes;
use clipwright_shared::clip::Projection;
use clipwright_shared::interop::{
    ModelSizes, NamedBytes, ReadOptions, clip_lora_file, coop_checkpoint, peft_files, read,
};
use clipwright_shared::learners::{Method, Scaling};
use serde_json::{Value, json};

use super::golden::path;
use super::made;
use super::round_trip::read_one;

/// Fails unless `error` names all of `parts`; returns its hint.
fn names(what: &str, error: clipwright_shared::Error, parts: &[&str]) -> Result<()> {
    let text = error.to_string();
    for part in parts {
        ensure!(text.contains(part), "{what}: no {part:?} in: {text}");
    }
    Ok(())
}

fn refused(what: &str, files: &[(&str, &[u8])], parts: &[&str]) -> Result<()> {
    let files: Vec<NamedBytes<'_>> = files
        .iter()
        .map(|(name, bytes)| NamedBytes { name, bytes })
        .collect();
    let error = read(&files, &ReadOptions::default()).err();
    names(
        what,
        error.with_context(|| format!("{what} was read"))?,
        parts,
    )
}

/// A safetensors file of tensors of ones.
fn tensors(named: &[(&str, &[usize])]) -> Result<Vec<u8>> {
    let named = named
        .iter()
        .map(|(name, dims)| {
            Ok((
                *name,
                Tensor::ones(*dims, candle_core::DType::F32, &Device::Cpu)?,
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(tensors_to_bytes(&named, &Default::default())?)
}

#[test]
fn files_of_another_kind_are_refused() -> Result<()> {
    let tiny = fs::read(clipwright_tests::repository_root().join("static/model/tiny.safetensors"))?;
    let layer = "transformer.resblocks.0.attn.qkv.lora_";
    let [layer_a, layer_b] = ["A", "B"].map(|matrix| format!("{layer}{matrix}"));
    for (what, bytes, parts) in [
        (
            "a model",
            tiny,
            &["a model's weights", "expected what was learned"][..],
        ),
        (
            "anything",
            tensors(&[("some.weight", &[2])])?,
            &["`some.weight`", "expected clipwright's"],
        ),
        ("nothing", tensors(&[])?, &["without tensors"]),
        ("a page", b"<html>".to_vec(), &["a web page"]),
        ("nought", Vec::new(), &["an empty file"]),
        (
            "CSC without names",
            tensors(&[("ctx", &[5, 4, 8])])?,
            &["class-specific context of 5 classes", "expected 5 names"],
        ),
        (
            "a flat context",
            tensors(&[("ctx", &[8])])?,
            &["`ctx`", "[8]"],
        ),
        (
            "another prompt learner",
            tensors(&[("ctx", &[4, 8]), ("compound_prompts_text.0", &[2, 8])])?,
            &["`compound_prompts_text.0`", "CoOp's `ctx`"],
        ),
        (
            "half a layer",
            tensors(&[(&layer_a, &[4, 8])])?,
            &[&layer_b, "is missing"],
        ),
        (
            "an odd layer",
            tensors(&[(&layer_a, &[3, 8]), (&layer_b, &[16, 2])])?,
            &[&layer_a, "[3, 8]"],
        ),
        (
            "layers that do not fit",
            tensors(&[(&layer_a, &[4, 8]), (&layer_b, &[12, 2])])?,
            &["lora_ B", "[6, 2]", "[8, 2]"],
        ),
        (
            "layers and more",
            tensors(&[(&layer_a, &[4, 8]), ("classifier", &[8])])?,
            &["`classifier`"],
        ),
        (
            "loralib's layers alone",
            tensors(&[("weights.layer_0.q_proj.w_lora_A", &[2, 8])])?,
            &["CLIP-LoRA", "no `alpha`"],
        ),
        (
            "PEFT's weights alone",
            tensors(&[("base_model.model.x.lora_A.weight", &[2, 8])])?,
            &["without its adapter_config.json"],
        ),
    ] {
        refused(what, &[("file", &bytes)], parts)?;
    }
    refused("no file", &[], &["no file"])?;
    refused(
        "a configuration",
        &[("adapter_config.json", b"{}")],
        &["without its weights"],
    )?;
    refused(
        "two files",
        &[("a.pt", b""), ("b.pt", b"")],
        &["two files", "a.pt", "b.pt"],
    )
}

#[test]
fn peft_adapters_of_another_kind_are_refused_by_field() -> Result<()> {
    let session = made::session()?;
    let [q, ..] = Projection::ALL;
    let file = made::lora(
        &session,
        made::sizes(2, 4.0),
        None,
        Scaling::AlphaOverRank,
        &[q],
    )?;
    let [(config, json), (weights, bytes)] = peft_files(&file)?;
    let whole: Value = serde_json::from_slice(&json)?;
    for (field, value, parts) in [
        (
            "use_dora",
            json!(true),
            &["use_dora", "true", "plain LoRA"][..],
        ),
        ("use_qalora", json!(true), &["use_qalora"]),
        ("bias", json!("all"), &["bias", "\"all\"", "\"none\""]),
        (
            "modules_to_save",
            json!(["classifier"]),
            &["modules_to_save", "classifier"],
        ),
        ("lora_bias", json!(true), &["lora_bias"]),
        ("fan_in_fan_out", json!(true), &["fan_in_fan_out"]),
        (
            "peft_type",
            json!("LOHA"),
            &["peft_type", "\"LOHA\"", "\"LORA\""],
        ),
        ("peft_type", Value::Null, &["peft_type", "null"]),
        ("lora_alpha", json!("8"), &["lora_alpha", "a number"]),
        ("lora_alpha", json!(0), &["lora_alpha", "above 0"]),
        ("use_rslora", json!(1), &["use_rslora", "true or false"]),
        ("alpha_pattern", json!([1]), &["alpha_pattern", "an object"]),
        (
            "alpha_pattern",
            json!({"(": 1}),
            &["alpha_pattern", "regular expressions"],
        ),
        (
            "trainable_token_indices",
            json!([1]),
            &["trainable_token_indices"],
        ),
    ] {
        let mut changed = whole.clone();
        changed[field] = value;
        let changed = serde_json::to_vec(&changed)?;
        let parts: Vec<&str> = parts.iter().copied().chain([config]).collect();
        refused(field, &[(config, &changed), (weights, &bytes)], &parts)?;
    }
    refused(
        "no JSON",
        &[(config, b"{"), (weights, &bytes)],
        &[config, "not valid"],
    )?;
    let module = "base_model.model.vision_model.encoder.layers.0";
    for name in ["mlp.fc1", "self_attn.in_proj", "q_proj"] {
        let [a, b] = ["A", "B"].map(|matrix| format!("{module}.{name}.lora_{matrix}.weight"));
        let bytes = tensors(&[(&a, &[2, 8]), (&b, &[8, 2])])?;
        refused(
            name,
            &[(config, &json), (weights, &bytes)],
            &[name, "q_proj, k_proj"],
        )?;
    }
    let a = format!("{module}.self_attn.q_proj.lora_A.weight");
    let bytes = tensors(&[(&a, &[2, 8])])?;
    refused(
        "half",
        &[(config, &json), (weights, &bytes)],
        &["lora_B", "is missing"],
    )
}

#[test]
fn what_a_file_does_not_say_is_asked_for() -> Result<()> {
    // The widths of both encoders are the same in the embedded model.
    let session = made::session()?;
    let [q, ..] = Projection::ALL;
    let (root, both) = (Scaling::AlphaOverRootRank, made::sizes(2, 1.0));
    let file = made::lora(&session, both, both, root, &[q])?;
    let sizes = ModelSizes::of(&session.clip)?;
    let bytes = clip_lora_file(&file, sizes)?;
    refused(
        "no model",
        &[("a.pt", &bytes)],
        &["numbered without their encoders", "the model too"],
    )?;
    let other = ReadOptions {
        model: Some(ModelSizes {
            text_layers: 12,
            ..sizes
        }),
        ..ReadOptions::default()
    };
    let error = read_one("a.pt", &bytes, &other).err().context("read")?;
    ensure!(error.to_string().contains("layers at `all`"), "{error}");

    let context = tensors(&[("ctx", &[3, 4, 8])])?;
    for (names, fits) in [(3, true), (2, false), (4, false)] {
        let options = ReadOptions {
            class_names: Some((0..names).map(|name| format!("class {name}")).collect()),
            ..ReadOptions::default()
        };
        let read = read_one("ctx", &context, &options);
        ensure!(read.is_ok() == fits, "{names} names");
    }
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let options = ReadOptions {
            alpha: Some(alpha),
            ..ReadOptions::default()
        };
        let bytes = fs::read(path("interop/seed001_LoRA_qv_r4.pt"))?;
        let error = read_one("a.pt", &bytes, &options).err().context("read")?;
        ensure!(error.to_string().contains("alpha is"), "{alpha}: {error}");
    }
    Ok(())
}

#[test]
fn damaged_files_of_every_kind_say_so() -> Result<()> {
    let session = made::session()?;
    let [q, _, v, _] = Projection::ALL;
    let both = made::sizes(2, 1.0);
    let adapter = made::lora(&session, both, both, Scaling::AlphaOverRootRank, &[q, v])?;
    let sizes = ModelSizes::of(&session.clip)?;
    let options = ReadOptions {
        model: Some(sizes),
        ..ReadOptions::default()
    };
    let [(config, json), (weights, peft)] = peft_files(&adapter)?;
    let context = coop_checkpoint(&made::cocoop(&session)?, None)?;
    for (what, bytes) in [
        ("ours", adapter.to_bytes()?),
        ("model.pth.tar-5", context),
        (
            "legacy_model.pth.tar-5",
            fs::read(path(
                "interop/coop_ckpt/prompt_learner/legacy_model.pth.tar-5",
            ))?,
        ),
        ("lora.pt", clip_lora_file(&adapter, sizes)?),
        (
            "seed001.pt",
            fs::read(path("interop/seed001_LoRA_qv_r4.pt"))?,
        ),
        (weights, peft),
    ] {
        let read = |bytes: &[u8]| {
            let config = NamedBytes {
                name: config,
                bytes: &json,
            };
            let file = NamedBytes { name: what, bytes };
            match what == weights {
                true => read(&[file, config], &options),
                false => read(&[file], &options),
            }
        };
        ensure!(read(&bytes).is_ok(), "{what}");
        for length in (0..bytes.len()).step_by(bytes.len() / 37 + 1) {
            let error = read(&bytes[..length]).err();
            let error = error.with_context(|| format!("{what} cut to {length} was read"))?;
            ensure!(error.hint().is_some(), "{what} cut to {length}: {error}");
        }
        // A changed byte may be one of a number; whatever it is, nothing panics.
        for at in (0..bytes.len()).step_by(bytes.len() / 211 + 1) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            if let Err(error) = read(&damaged) {
                ensure!(error.to_string().len() > 10, "{what} at {at}");
            }
        }
    }
    Ok(())
}

#[test]
fn methods_without_a_form_are_refused() -> Result<()> {
    let session = made::session()?;
    let [q, ..] = Projection::ALL;
    let adapter = made::lora(
        &session,
        made::sizes(2, 1.0),
        None,
        Scaling::AlphaOverRank,
        &[q],
    )?;
    for file in [made::probe(&session)?, adapter] {
        let what = file.metadata.method.title();
        let error = coop_checkpoint(&file, None).err().context("written")?;
        names(what, error, &["the method is", what, "CoOp"])?;
    }
    for file in [made::probe(&session)?, made::cocoop(&session)?] {
        ensure!(file.metadata.method != Method::Lora);
        let sizes = ModelSizes::of(&session.clip)?;
        ensure!(peft_files(&file).is_err() && clip_lora_file(&file, sizes).is_err());
    }
    Ok(())
}
