//! `clipwright tune` and `sweep tune`: what they count is what they wrote down, a killed
//! run goes on, and what cannot work is refused before work starts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clipwright_tests::{clipwright_json, run_clipwright, shifted_pictures, succeeds};
use serde_json::Value;

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace()
}

fn samples(run: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(run.join("samples.jsonl"))?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

const TUNE: &str = "tune --model tiny --data data --subset base --samples 6 --views 7 --select 0.5 \
                    --pages 2 --json --out";

#[test]
fn what_is_counted_is_what_was_written() -> Result<()> {
    let folder = shifted_pictures(1)?;
    let here = folder.path();
    let answer = clipwright_json(here, words(&format!("{TUNE} run")))?;
    let (summary, run) = (&answer["summary"], here.join("run"));
    let samples = samples(&run)?;
    ensure!(samples.len() == 6 && summary["samples"] == 6, "{summary}");
    let right = |ranking: &str| {
        let hits = samples
            .iter()
            .filter(|sample| sample[ranking][0] == sample["label"]);
        hits.count() as f64 / 6.0
    };
    for (key, ranking) in [("base_top1", "base"), ("tuned_top1", "tuned")] {
        let got = summary[key].as_f64().context("no accuracy")?;
        ensure!((got - right(ranking)).abs() < 1e-12, "{key}: {got}");
    }
    let moved = summary["moved"].as_f64().context("not moved")?;
    ensure!(moved > 0.0, "the context did not move");
    ensure!(
        samples.iter().all(|sample| sample["selected"] == 4),
        "half of 8 views"
    );
    let report = fs::read_to_string(run.join("report.html"))?;
    ensure!(report.contains("Most improved"), "no images in the report");
    ensure!(fs::read_dir(run.join("images"))?.count() == 2);

    // The base prediction is zero-shot's, with the same words.
    let eval = "classify --model tiny --json --template";
    let first = &samples[0];
    let mut arguments: Vec<String> = words(eval).map(String::from).collect();
    arguments.push("a photo of a {}.".into());
    let classes: Vec<String> = summary["per_class"]
        .as_array()
        .context("no classes")?
        .iter()
        .filter_map(|class| class["class"].as_str().map(String::from))
        .collect();
    arguments.extend(["--classes".into(), classes.join(",")]);
    let path = first["path"].as_str().context("no path")?;
    arguments.push(path.into());
    let zero_shot = clipwright_json(here, &arguments)?;
    let best = &zero_shot[0]["rankings"][0]["classes"][0];
    let base = first["base"][0].as_u64().context("no class")? as usize;
    ensure!(
        best["class"] == classes[base],
        "{best}; tuned from {}",
        classes[base]
    );
    let probability = best["probability"].as_f64().context("no probability")?;
    let confidence = first["base_confidence"].as_f64().context("no confidence")?;
    ensure!(
        (probability - confidence).abs() < 1e-4,
        "{probability} and {confidence}"
    );

    // The rest of an interrupted run, and a line that was cut, are done anew.
    let whole = fs::read_to_string(run.join("samples.jsonl"))?;
    let cut: String = whole
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(run.join("samples.jsonl"), cut + "{\"index\": 2, \"pa")?;
    fs::remove_file(run.join("summary.json"))?;
    clipwright_json(here, words(&format!("{TUNE} run --resume")))?;
    ensure!(
        fs::read_to_string(run.join("samples.jsonl"))? == whole,
        "the resumed run went another way"
    );
    let again = run_clipwright(here, words(&format!("{TUNE} run")))?;
    let error = String::from_utf8_lossy(&again.stderr);
    ensure!(
        error.contains("finished run") && error.contains("hint: "),
        "{error}"
    );
    Ok(())
}

#[test]
fn an_unreadable_image_is_counted_and_not_fatal() -> Result<()> {
    let folder = shifted_pictures(1)?;
    let here = folder.path();
    let class = fs::read_dir(here.join("data/test"))?
        .next()
        .context("empty")??;
    fs::write(class.path().join("broken.png"), b"no picture")?;
    let line = "tune --model tiny --data data --views 3 --select 0.5 --pages 0 --json --out run";
    let answer = clipwright_json(here, words(line))?;
    ensure!(answer["summary"]["unreadable"] == 1, "{answer}");
    ensure!(answer["summary"]["samples"] == 20, "{answer}");
    let problems: Vec<Value> = samples(&here.join("run"))?
        .into_iter()
        .filter(|sample| !sample["problem"].is_null())
        .collect();
    let problem = problems[0]["problem"].as_str().context("no problem")?;
    ensure!(
        problems.len() == 1 && problem.contains("broken.png"),
        "{problem}"
    );
    Ok(())
}

#[test]
fn a_sweep_is_a_table_and_repeats_nothing() -> Result<()> {
    let folder = shifted_pictures(1)?;
    let here = folder.path();
    let line = "sweep tune --model tiny --data data --subset base --samples 3 --pages 0 \
                --losses defaultTPT,patch_loss5 --augmenters patches --grids 4x1,9x0 \
                --overlaps 0.2 --select 0.5 --augmix false --out sweep --format json";
    let table = clipwright_json(here, words(line))?;
    let rows = table["groups"][0]["rows"].as_array().context("no rows")?;
    ensure!(rows.len() == 4, "2 losses and 2 grids: {table}");
    let summary = here.join("sweep/defaultTPT-patches-4x1-overlap-0.2/summary.json");
    let before = fs::metadata(&summary)?.modified()?;
    let again = clipwright_json(here, words(line))?;
    ensure!(
        fs::metadata(&summary)?.modified()? == before,
        "a run was repeated"
    );
    ensure!(again["groups"] == table["groups"], "another table");
    ensure!(here.join("sweep/sweep-1.tex").exists());
    Ok(())
}

#[test]
fn a_context_starts_from_words_noise_or_a_learned_file() -> Result<()> {
    let folder = shifted_pictures(1)?;
    let here = folder.path();
    succeeds(
        here,
        "train coop --model tiny --data data --n-ctx 2 --epochs 1 --out coop",
    )?;
    succeeds(
        here,
        "train linear-probe --model tiny --data data --c 1 --out probe",
    )?;
    for start in ["--n-ctx 3", "--ctx-init a_[CLS]_photo", "--learned coop"] {
        let line = format!("{TUNE} run --overwrite {start}");
        let answer = clipwright_json(here, words(&line))?;
        ensure!(answer["summary"]["samples"] == 6, "{start}: {answer}");
    }
    let image = fs::read_dir(here.join("data/test"))?
        .next()
        .context("empty")??;
    let image = image.path().join("0000.png");
    let line = "tune --model tiny --classes star,moon --views 3 --select 0.5 --json --out one";
    let arguments = words(line).map(String::from);
    let answer = clipwright_json(here, arguments.chain([image.display().to_string()]))?;
    let sample = &answer["samples"][0];
    ensure!(
        sample["label"].is_null() && sample["tuned"].is_array(),
        "{answer}"
    );
    Ok(())
}

#[test]
fn what_cannot_work_is_refused_before_work_starts() -> Result<()> {
    let folder = shifted_pictures(1)?;
    let here = folder.path();
    succeeds(
        here,
        "train linear-probe --model tiny --data data --c 1 --out probe",
    )?;
    succeeds(
        here,
        "train coop --csc --model tiny --data data --subset base --n-ctx 1 --epochs 1 --out csc",
    )?;
    let tune = "tune --model tiny --data data --out run";
    for (flags, parts) in [
        (
            "--augmenter patches --patches 0",
            &["number of patches is 0"][..],
        ),
        ("--augmenter patches --overlap 1", &["overlap is 1"]),
        ("--augmenter patches --overlap=-0.5", &["overlap"]),
        ("--overlap 0.5", &["--overlap", "--augmenter patches"]),
        ("--augmix false --severity 3", &["--severity", "--augmix"]),
        ("--learned csc --subset new", &["class-specific"]),
        ("--views 0", &["number of views is 0"]),
        ("--views 3 --select 0.1", &["4"]),
        ("--steps 0", &["number of steps is 0"]),
        ("--lr=-1", &["lr is -1"]),
        ("--severity 11", &["severity"]),
        ("--samples 0", &["--samples is 0"]),
        ("--learned probe", &["linear probe"]),
        ("--learned nowhere", &["nowhere"]),
    ] {
        let output = run_clipwright(here, words(&format!("{tune} {flags}")))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success(), "{flags} was taken");
        for part in parts {
            ensure!(error.contains(part), "{flags}: no {part:?} in: {error}");
        }
        ensure!(
            error.contains("hint: ") || output.status.code() == Some(2),
            "{flags}: {error}"
        );
    }
    let wrong = run_clipwright(here, words(&format!("{tune} --loss defaultTPTT")))?;
    let error = String::from_utf8_lossy(&wrong.stderr);
    ensure!(error.contains("did you mean defaultTPT?"), "{error}");
    ensure!(!here.join("run").exists(), "a refused run left a folder");
    Ok(())
}
