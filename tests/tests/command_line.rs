//! The binary as people use it: from pictures to a learned prompt, and every
//! wrong input with an error that names it, says what was expected and hints.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use clipwright_tests::{clipwright_json, repository_root, run_clipwright};
use image::ImageFormat;
use tempfile::TempDir;

/// A folder of the shifted domain, `per_class` pictures in train and test.
fn pictures(per_class: usize) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let count = per_class.to_string();
    let arguments = [
        "data",
        "generate",
        "shifted",
        "--out",
        "data",
        "--per-class",
        &count,
    ];
    let output = run_clipwright(folder.path(), arguments)?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(folder)
}

/// `clipwright train coop` with few epochs, and `more` arguments.
fn train(more: &[&str]) -> Vec<String> {
    let base = "train coop --model tiny --data data --out run --n-ctx 2 --epochs 2";
    base.split(' ')
        .chain(more.iter().copied())
        .map(String::from)
        .collect()
}

/// Runs the binary, which must fail with exit code 1, name all of `parts` and
/// give a hint.
fn refused(folder: &Path, arguments: &[String], parts: &[&str]) -> Result<()> {
    let output = run_clipwright(folder, arguments)?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1),
        "{arguments:?}: {:?} {error}",
        output.status
    );
    for part in parts.iter().chain(&["error: ", "hint: "]) {
        ensure!(
            error.contains(part),
            "{arguments:?}: no {part:?} in: {error}"
        );
    }
    Ok(())
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(String::from).collect()
}

#[test]
fn learns_measures_and_classifies() -> Result<()> {
    let folder = pictures(4)?;
    let here = folder.path();
    let output = run_clipwright(here, train(&["--shots", "2", "--subset", "base"]))?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let run = here.join("run");
    let mut names: Vec<String> = fs::read_dir(&run)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.sort();
    let mut expected = vec![
        "accuracy.png",
        "accuracy.svg",
        "classes.png",
        "classes.svg",
        "confusion.csv",
        "confusion.png",
        "confusion.svg",
        "environment.json",
        "f1.png",
        "f1.svg",
        "learned.safetensors",
        "loss.png",
        "loss.svg",
        "lr.png",
        "lr.svg",
        "metrics.jsonl",
        "plan.json",
        "report.html",
        "summary.json",
    ];
    let events = names
        .iter()
        .position(|name| name.starts_with("events.out.tfevents."));
    names.remove(events.context("no events for TensorBoard")?);
    expected.sort_unstable();
    ensure!(names == expected, "the run folder holds {names:?}");
    ensure!(
        fs::read_to_string(run.join("report.html"))?.contains("<svg"),
        "a report without charts"
    );

    let metrics = fs::read_to_string(run.join("metrics.jsonl"))?;
    let epochs: Vec<serde_json::Value> = metrics
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(epochs.len() == 2, "{} epochs", epochs.len());
    ensure!(
        epochs[0]["lr"] == 1e-5 && epochs[1]["lr"] == 2e-3,
        "{metrics}"
    );
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(run.join("plan.json"))?)?;
    ensure!(
        plan["images"].as_array().map(Vec::len) == Some(20),
        "2 shots of 10 classes: {plan}"
    );
    ensure!(
        fs::read_to_string(run.join("accuracy.svg"))?.contains("<polyline"),
        "no curve"
    );

    for (learned, subset, images) in [(true, "base", 40), (true, "new", 40), (false, "all", 80)] {
        let mut arguments = words("eval --model tiny --data data --json --subset");
        arguments.push(subset.into());
        if learned {
            arguments.extend(words("--learned run/learned.safetensors"));
        }
        let report = clipwright_json(here, arguments)?;
        let accuracy = report["accuracy"].as_f64().context("no accuracy")?;
        let error = report["error"].as_f64().context("no error")?;
        let macro_f1 = report["macro_f1"].as_f64().context("no macro_f1")?;
        ensure!(
            report["images"] == images && report["split"] == "test",
            "{report}"
        );
        ensure!(
            (accuracy + error - 1.0).abs() < 1e-12 && (0.0..=1.0).contains(&macro_f1),
            "{report}"
        );
        let per_class = report["per_class"].as_array().context("no per_class")?;
        let hits: f64 = per_class
            .iter()
            .map(|class| class["accuracy"].as_f64().unwrap_or(f64::NAN))
            .sum();
        ensure!(
            (hits / per_class.len() as f64 - accuracy).abs() < 1e-9,
            "{report}"
        );
    }

    let mut arguments =
        words("classify --model tiny --json --learned run/learned.safetensors --classes");
    arguments.push("red plain square,blue plain ring,green striped star".into());
    arguments.push(first_picture(here)?.display().to_string());
    let answer = clipwright_json(here, arguments)?;
    let rankings = answer[0]["rankings"].as_array().context("no rankings")?;
    ensure!(
        rankings.len() == 2
            && rankings[0]["method"] == "zero_shot"
            && rankings[1]["method"] == "coop"
    );
    for ranking in rankings {
        let probabilities: Vec<f64> = ranking["classes"]
            .as_array()
            .context("no classes")?
            .iter()
            .filter_map(|class| class["probability"].as_f64())
            .collect();
        ensure!(
            probabilities.len() == 3 && probabilities.is_sorted_by(|a, b| a >= b),
            "{ranking}"
        );
        ensure!(
            (probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5,
            "{ranking}"
        );
    }
    Ok(())
}

#[test]
fn a_reader_that_goes_away_is_no_failure() -> Result<()> {
    let mut child = std::process::Command::new(clipwright_tests::clipwright()?)
        .args(["data", "list"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && error.is_empty(), "{error}");
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_bytes() -> Result<()> {
    let folder = pictures(2)?;
    let learn = |seed: &str| -> Result<Vec<u8>> {
        let arguments = train(&["--shots", "1", "--seed", seed, "--overwrite"]);
        let output = run_clipwright(folder.path(), arguments)?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(fs::read(folder.path().join("run/learned.safetensors"))?)
    };
    let first = learn("1")?;
    ensure!(first == learn("1")?, "the same seed gave another context");
    ensure!(first != learn("2")?, "another seed gave the same context");
    Ok(())
}

#[test]
fn every_kind_of_context_learns() -> Result<()> {
    let folder = pictures(1)?;
    for more in [
        vec!["--csc"],
        vec!["--class-token-position", "front"],
        vec!["--class-token-position", "middle", "--csc"],
        vec!["--augment", "none"],
    ] {
        let arguments = train(&[&more[..], &["--overwrite"]].concat());
        let output = run_clipwright(folder.path(), arguments)?;
        ensure!(
            output.status.success(),
            "{more:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let words = "train coop --model tiny --data data --out words --epochs 1 --ctx-init";
    let mut arguments = self::words(words);
    arguments.push("a photo of a".into());
    let output = run_clipwright(folder.path(), arguments)?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[test]
fn folders_that_cannot_be_learned_from_are_refused() -> Result<()> {
    let folder = pictures(2)?;
    let here = folder.path();
    let data = here.join("data");

    refused(
        here,
        &words("train coop --model tiny --data nowhere --out run"),
        &["nowhere", "not a folder"],
    )?;
    refused(
        here,
        &train(&["--shots", "9"]),
        &["2 training images", "--shots asks for 9"],
    )?;
    refused(here, &train(&["--shots", "0"]), &["--shots is 0"])?;
    refused(here, &train(&["--lr", "0"]), &["--lr is 0"])?;
    refused(here, &train(&["--device", "cuda:0"]), &["cuda:0"])?;
    refused(
        here,
        &train(&["--device", "tpu"]),
        &["tpu", "cpu, cuda or cuda:N"],
    )?;

    let train_folder = data.join("train");
    let class = fs::read_dir(&train_folder)?
        .next()
        .context("no class")??
        .path();
    let name = class
        .file_name()
        .context("no name")?
        .to_string_lossy()
        .into_owned();
    let hidden = here.join("hidden");
    fs::rename(&class, &hidden)?;
    fs::create_dir(&class)?;
    refused(here, &train(&[]), &[&name, "has no images"])?;
    fs::remove_dir(&class)?;
    fs::rename(&hidden, &class)?;

    let one = here.join("one");
    fs::create_dir(&one)?;
    fs::rename(&class, one.join("only"))?;
    refused(
        here,
        &words("train coop --model tiny --data one --out run"),
        &["one", "at least 2"],
    )?;
    ensure!(!here.join("run").exists(), "a refused run left a folder");
    Ok(())
}

#[test]
fn images_that_cannot_be_read_are_named() -> Result<()> {
    let folder = pictures(1)?;
    let here = folder.path();
    let picture = first_picture(here)?;
    let good = fs::read(&picture)?;
    let name = picture
        .file_name()
        .context("no name")?
        .to_string_lossy()
        .into_owned();

    let mut jpeg = Cursor::new(Vec::new());
    image::open(&picture)?.write_to(&mut jpeg, ImageFormat::Jpeg)?;
    let jpeg = jpeg.into_inner();
    let text = b"this is no picture".to_vec();
    let cut = good[..good.len() / 2].to_vec();
    let mut huge = good.clone();
    huge[16..20].copy_from_slice(&60_000u32.to_be_bytes()); // the width in a PNG's header
    huge[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let checksum = crc32(&huge[12..29]);
    huge[29..33].copy_from_slice(&checksum.to_be_bytes());
    for (bytes, part) in [
        (text, "no format that is read"),
        (cut, "damaged or cut short"),
        (huge, "60000 × 60000"),
        (jpeg[..jpeg.len() / 2].to_vec(), "cut short"),
        (Vec::new(), "empty file"),
    ] {
        fs::write(&picture, bytes)?;
        refused(here, &train(&[]), &[&name, part])?;
        let mut classify = words("classify --model tiny --classes a,b");
        classify.push(picture.display().to_string());
        refused(here, &classify, &[&name, part])?;
    }
    ensure!(!here.join("run").exists(), "a refused run left a folder");
    Ok(())
}

#[test]
fn weights_that_do_not_fit_are_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    let tiny = repository_root().join("static/model/tiny.safetensors");
    let tensors = candle_core::safetensors::load(&tiny, &Device::Cpu)?;
    let classify = |model: &str| {
        words(&format!(
            "classify --classes a,b --model {model} picture.png"
        ))
    };

    let mut missing = tensors.clone();
    missing.remove("ln_final.weight");
    candle_core::safetensors::save(&missing, here.join("missing.safetensors"))?;
    refused(
        here,
        &classify("missing.safetensors"),
        &["`ln_final.weight` is missing", "[128]"],
    )?;

    let mut misshapen = tensors.clone();
    misshapen.insert(
        "text_projection".into(),
        Tensor::zeros((5, 7), candle_core::DType::F32, &Device::Cpu)?,
    );
    candle_core::safetensors::save(&misshapen, here.join("misshapen.safetensors"))?;
    refused(
        here,
        &classify("misshapen.safetensors"),
        &["text_projection", "[5, 7]", "[128, 128]"],
    )?;

    let mut poisoned = tensors.clone();
    let name = "visual.ln_post.bias";
    poisoned.insert(name.into(), Tensor::new(vec![f32::NAN; 128], &Device::Cpu)?);
    candle_core::safetensors::save(&poisoned, here.join("poisoned.safetensors"))?;
    refused(
        here,
        &classify("poisoned.safetensors"),
        &[name, "128 values that are not finite"],
    )?;

    let bytes = fs::read(&tiny)?;
    fs::write(here.join("cut.safetensors"), &bytes[..bytes.len() / 2])?;
    refused(here, &classify("cut.safetensors"), &["not valid"])?;
    fs::write(here.join("absurd.safetensors"), [0xff; 64])?;
    refused(
        here,
        &classify("absurd.safetensors"),
        &["unknown kind", "safetensors"],
    )?;
    refused(
        here,
        &classify("nowhere.safetensors"),
        &["nowhere.safetensors"],
    )
}

#[test]
fn a_learned_file_of_another_model_is_refused() -> Result<()> {
    let folder = pictures(1)?;
    let here = folder.path();
    let output = run_clipwright(here, train(&[]))?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let tiny = repository_root().join("static/model/tiny.safetensors");
    let mut other = candle_core::safetensors::load(&tiny, &Device::Cpu)?;
    let scale = other.get("ln_final.weight").context("no ln_final.weight")?;
    other.insert("ln_final.weight".into(), (scale * 1.5)?);
    candle_core::safetensors::save(&other, here.join("other.safetensors"))?;
    let eval = "eval --model other.safetensors --data data --learned run/learned.safetensors";
    refused(
        here,
        &words(eval),
        &["run/learned.safetensors", "was made for model"],
    )?;

    let bytes = fs::read(here.join("run/learned.safetensors"))?;
    fs::write(here.join("cut.safetensors"), &bytes[..bytes.len() - 9])?;
    let eval = "eval --model tiny --data data --learned cut.safetensors";
    refused(here, &words(eval), &["cut.safetensors", "not valid"])?;
    let eval = format!("eval --model tiny --data data --learned {}", tiny.display());
    refused(
        here,
        &words(&eval),
        &["a model's weights", "learned.safetensors"],
    )?;
    refused(here, &train(&[]), &["run", "finished run"])
}

/// A picture of the first class in train.
fn first_picture(here: &Path) -> Result<PathBuf> {
    let mut classes: Vec<PathBuf> = fs::read_dir(here.join("data/train"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    classes.sort();
    Ok(classes.first().context("no class")?.join("0000.png"))
}

/// PNG's checksum (ISO 3309), a bit at a time.
fn crc32(bytes: &[u8]) -> u32 {
    let mut checksum = u32::MAX;
    for byte in bytes {
        checksum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = checksum & 1;
            checksum = (checksum >> 1) ^ (0xEDB8_8320 * carry);
        }
    }
    !checksum
}
