//! `export`, and learned files of every kind where the binary takes one.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::Scaling;
use clipwright_tests::{clipwright_json, refuses, repository_root, run_clipwright};
use serde_json::Value;

use super::made::{self, CLASSES};

/// What `classify` makes of a picture with what was learned, or zero-shot.
fn classified(folder: &Path, model: &str, more: &[&str]) -> Result<Vec<(String, f64)>> {
    let picture = repository_root().join("static/samples/yellow-plain-cross.png");
    let (picture, classes) = (picture.to_string_lossy(), CLASSES.join(","));
    let base = [
        "classify",
        "--model",
        model,
        "--json",
        "--classes",
        &classes,
    ];
    let arguments = base
        .into_iter()
        .chain(more.iter().copied())
        .chain([&*picture]);
    let answer = clipwright_json(folder, arguments)?;
    let rankings = answer[0]["rankings"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let last = rankings.last().cloned().unwrap_or_default();
    ensure!(last.get("problem").is_none_or(Value::is_null), "{last}");
    let mut classes: Vec<(String, f64)> = last["classes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|class| {
            let name = class["class"].as_str().unwrap_or_default();
            (
                name.into(),
                class["probability"].as_f64().unwrap_or(f64::NAN),
            )
        })
        .collect();
    classes.sort_by(|a, b| a.0.cmp(&b.0));
    ensure!(classes.len() == CLASSES.len(), "{answer}");
    Ok(classes)
}

fn same(what: &str, a: &[(String, f64)], b: &[(String, f64)], tolerance: f64) -> Result<()> {
    for (a, b) in a.iter().zip(b) {
        ensure!(
            a.0 == b.0 && (a.1 - b.1).abs() <= tolerance,
            "{what}: {a:?} {b:?}"
        );
    }
    Ok(())
}

fn export(folder: &Path, line: &str) -> Result<Value> {
    clipwright_json(folder, format!("export {line}").split(' '))
}

#[test]
fn every_form_of_an_adapter_answers_the_same() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let session = made::session()?;
    let [q, k, v, o] = Projection::ALL;
    let (both, root) = (made::sizes(2, 1.0), Scaling::AlphaOverRootRank);
    let file = made::lora(&session, both, both, root, &[q, k, v, o])?;
    fs::create_dir(here.join("run"))?;
    fs::write(here.join("run/learned.safetensors"), file.to_bytes()?)?;
    let expected = classified(here, "tiny", &["--learned", "run"])?;
    let plain = classified(here, "tiny", &[])?;
    ensure!(
        expected
            .iter()
            .zip(&plain)
            .any(|(a, b)| (a.1 - b.1).abs() > 0.01),
        "the adapter changes nothing"
    );
    for (form, out) in [
        ("safetensors", "copy.safetensors"),
        ("peft", "peft"),
        ("clip-lora", "lora/weights.pt"),
    ] {
        let report = export(
            here,
            &format!("--learned run --as {form} --out {out} --model tiny"),
        )?;
        ensure!(
            report["as"] == form && report["bytes"].as_u64() > Some(1000),
            "{report}"
        );
        let got = classified(here, "tiny", &["--learned", out])?;
        same(form, &got, &expected, 1e-6)?;
    }
    // From one foreign form to another, and back.
    export(
        here,
        "--learned lora/weights.pt --as peft --out peft2 --model tiny",
    )?;
    export(
        here,
        "--learned peft2 --as safetensors --out back.safetensors",
    )?;
    same(
        "back",
        &classified(here, "tiny", &["--learned", "back.safetensors"])?,
        &expected,
        1e-6,
    )?;

    let template = ["--template", "a {} drawn here."];
    for (out, model, more, tolerance) in [
        ("merged.safetensors", "merged.safetensors", "", 1e-4),
        ("hf", "hf", " --naming hugging-face", 1e-4),
        ("half.safetensors", "half.safetensors", " --dtype f16", 2e-2),
    ] {
        export(
            here,
            &format!("--learned peft --as merged --out {out} --model tiny{more}"),
        )?;
        same(
            out,
            &classified(here, model, &template)?,
            &expected,
            tolerance,
        )?;
    }
    ensure!(here.join("hf/config.json").is_file(), "no configuration");
    Ok(())
}

#[test]
fn every_form_of_a_context_answers_the_same() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let session = made::session()?;
    for (name, file) in [
        ("unified", made::coop(&session, false, None)?),
        ("own", made::coop(&session, true, None)?),
        ("cocoop", made::cocoop(&session)?),
    ] {
        let ours = format!("{name}.safetensors");
        fs::write(here.join(&ours), file.to_bytes()?)?;
        let theirs = format!("{name}/model.pth.tar-20");
        export(
            here,
            &format!("--learned {ours} --as coop --out {theirs} --model tiny"),
        )?;
        let expected = classified(here, "tiny", &["--learned", &ours])?;
        let got = classified(here, "tiny", &["--learned", &theirs])?;
        same(name, &got, &expected, 0.0)?;
    }
    // CoOp's own file says neither position nor names; a context answers for any names.
    let golden = "tests/golden/interop/coop_ckpt/prompt_learner/model.pth.tar-5";
    let golden = repository_root().join(golden);
    let golden = golden.to_string_lossy();
    let end = classified(here, "tiny", &["--learned", &golden])?;
    let front = ["--learned", &golden, "--class-token-position", "front"];
    let front = classified(here, "tiny", &front)?;
    ensure!(end != front, "the position changes nothing");
    Ok(())
}

#[test]
fn exports_that_cannot_be_are_refused_before_anything_is_written() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let here = temporary.path();
    let session = made::session()?;
    let [q, ..] = Projection::ALL;
    let (image, rank) = (made::sizes(2, 1.0), Scaling::AlphaOverRank);
    fs::write(
        here.join("coop"),
        made::coop(&session, false, None)?.to_bytes()?,
    )?;
    fs::write(here.join("probe"), made::probe(&session)?.to_bytes()?)?;
    fs::write(
        here.join("lora"),
        made::lora(&session, image, None, rank, &[q])?.to_bytes()?,
    )?;
    let other = repository_root().join("tests/golden/interop/seed001_LoRA_qv_r4.pt");
    fs::copy(other, here.join("other.pt"))?;
    fs::write(here.join("there"), "mine")?;
    fs::create_dir(here.join("folder"))?;
    fs::create_dir(here.join("peft"))?;
    fs::write(here.join("peft/adapter_config.json"), "mine")?;
    for (line, parts) in [
        (
            "--learned coop --as peft --out new",
            &["CoOp learns has no form peft", "safetensors or coop"][..],
        ),
        (
            "--learned coop --as merged --out new --model tiny",
            &["no form merged"],
        ),
        (
            "--learned probe --as coop --out new",
            &["linear probe learns has no form coop", "--as safetensors"],
        ),
        (
            "--learned lora --as coop --out new",
            &["no form coop", "peft"],
        ),
        (
            "--learned lora --as merged --out new",
            &["needs the model", "--model"],
        ),
        (
            "--learned lora --as clip-lora --out new",
            &["needs the model"],
        ),
        (
            "--learned lora --as safetensors --out there",
            &["there is there already", "--overwrite"],
        ),
        (
            "--learned lora --as safetensors --out folder",
            &["folder is a folder"],
        ),
        (
            "--learned lora --as peft --out peft",
            &["adapter_config.json is there already"],
        ),
        ("--learned lora --as peft --out there", &["there is a file"]),
        (
            "--learned lora --as merged --out there --model tiny",
            &["there"],
        ),
        (
            "--learned lora --as peft --out new --dtype f16",
            &["--dtype is for a whole model"],
        ),
        (
            "--learned lora --as peft --out new --naming openai",
            &["--naming is for"],
        ),
        (
            "--learned other.pt --as safetensors --out new --model tiny",
            &["does not fit the model", "that it was learned on"],
        ),
        (
            "--learned folder --as peft --out new",
            &["nothing that was learned", "learned.safetensors"],
        ),
        (
            "--learned there --as peft --out new",
            &["cannot load the learned file there"],
        ),
    ] {
        refuses(here, &format!("export {line}"), parts)?;
    }
    for (name, content) in [("there", "mine"), ("peft/adapter_config.json", "mine")] {
        ensure!(
            fs::read_to_string(here.join(name))? == content,
            "{name} was changed"
        );
    }
    ensure!(!here.join("new").exists(), "something was written");
    // A template without its place is no template.
    let output = run_clipwright(
        here,
        "export --learned lora --as peft --out new --template photo".split(' '),
    )?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        !output.status.success() && error.contains("the template"),
        "{error}"
    );
    export(
        here,
        "--learned lora --as safetensors --out there --overwrite",
    )?;
    ensure!(fs::read(here.join("there"))? == fs::read(here.join("lora"))?);
    Ok(())
}
