//! Experiments of several runs, DISEF's selection, and settings in layers: presets,
//! files, flags.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use clipwright_tests::{clipwright_json, refuses, run_clipwright, shifted_pictures, succeeds};
use serde_json::Value;

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace()
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

/// The mean of a cell of a table, by row and column.
fn cell(table: &Value, group: usize, row: usize, column: usize) -> Result<f64> {
    let cell = &table["groups"][group]["rows"][row]["cells"][column];
    cell["mean"]
        .as_f64()
        .with_context(|| format!("no mean in {cell}"))
}

fn close(what: &str, got: f64, expected: f64) -> Result<()> {
    ensure!(
        (got - expected).abs() < 1e-9,
        "{what}: {got}; expected {expected}"
    );
    Ok(())
}

fn modified(path: &Path) -> Result<SystemTime> {
    Ok(fs::metadata(path)?.modified()?)
}

fn accuracy(here: &Path, rest: &str) -> Result<f64> {
    let line = format!("eval --model tiny --data data --json {rest}");
    let report = clipwright_json(here, words(&line))?;
    report["accuracy"].as_f64().context("no accuracy")
}

#[test]
fn base_to_new_is_what_its_runs_measure_and_repeats_none() -> Result<()> {
    let folder = shifted_pictures(2)?;
    let here = folder.path();
    let line = "base-to-new coop --model tiny --data data --shots 1 --n-ctx 2 --epochs 2 \
                --augment none --out table --seeds 1,5 --format json";
    let table = clipwright_json(here, words(line))?;
    let mean = |subset: &str| -> Result<f64> {
        let of = |seed: u64| {
            let learned = format!("--learned table/seed-{seed}/learned.safetensors");
            accuracy(here, &format!("--subset {subset} {learned}"))
        };
        Ok((of(1)? + of(5)?) / 2.0)
    };
    let (base, new) = (mean("base")?, mean("new")?);
    close("base", cell(&table, 0, 1, 0)?, base)?;
    close("new", cell(&table, 0, 1, 1)?, new)?;
    close("H", cell(&table, 0, 1, 2)?, 2.0 * base * new / (base + new))?;
    close(
        "zero-shot",
        cell(&table, 0, 0, 0)?,
        accuracy(here, "--subset base")?,
    )?;
    for extension in ["md", "tex", "csv", "json"] {
        let path = here.join(format!("table/base-to-new.{extension}"));
        ensure!(
            fs::metadata(&path)?.len() > 50,
            "{} is empty",
            path.display()
        );
    }

    let learned = here.join("table/seed-1/learned.safetensors");
    let before = modified(&learned)?;
    let more = line.replace("--seeds 1,5", "--seeds 1,5,7");
    let again = clipwright_json(here, words(&more))?;
    ensure!(modified(&learned)? == before, "a finished run was repeated");
    ensure!(
        again["groups"][0]["rows"][1]["cells"][0]["count"] == 3,
        "{again}"
    );

    let other = line.replace("--epochs 2", "--epochs 3");
    refuses(here, &other, &["another plan", "learner", "--overwrite"])?;
    refuses(
        here,
        "base-to-new linear-probe --model tiny --data data --out probe",
        &["linear probe", "classes it was fitted on"],
    )?;
    refuses(
        here,
        "base-to-new coop --csc --model tiny --data data --out csc",
        &["class-specific"],
    )?;
    refuses(here, &line.replace("1,5", "1,1"), &["--seeds"])?;
    refuses(here, &format!("{line} --seed 3"), &["--seed"])
}

#[test]
fn few_shot_measures_each_number_of_shots() -> Result<()> {
    let folder = shifted_pictures(2)?;
    let here = folder.path();
    let line = "few-shot linear-probe --model tiny --data data --shots 1,2 --seeds 1,2 --c 1 \
                --out table --format json";
    let table = clipwright_json(here, words(line))?;
    let columns: Vec<&str> = table["columns"]
        .as_array()
        .context("no columns")?
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    ensure!(columns == ["0 shots", "1 shot", "2 shots"], "{columns:?}");
    close("zero-shot", cell(&table, 0, 0, 0)?, accuracy(here, "")?)?;
    let of = |seed: u64| {
        let learned = format!("table/2-shots/seed-{seed}/learned.safetensors");
        accuracy(here, &format!("--learned {learned}"))
    };
    close("2 shots", cell(&table, 0, 1, 2)?, (of(1)? + of(2)?) / 2.0)?;
    ensure!(fs::read_to_string(here.join("table/few-shot.svg"))?.contains("<svg"));
    refuses(
        here,
        &line.replace("1,2 --seeds", "0 --seeds"),
        &["--shots is 0"],
    )
}

#[test]
fn what_was_learned_is_measured_on_other_data() -> Result<()> {
    let folder = shifted_pictures(2)?;
    let here = folder.path();
    succeeds(here, "data generate world --out world --per-class 2")?;
    let train = "train cocoop --model tiny --data data --shots 1 --epochs 1 --batch 4 --out run";
    let said = succeeds(here, train)?;
    ensure!(
        said.contains("batched steps"),
        "a variant is not labelled: {said}"
    );
    for command in ["cross-dataset", "domain-shift"] {
        let line = format!(
            "{command} --model tiny --learned run/learned.safetensors --data data --data world \
             --out tables --format json"
        );
        let table = clipwright_json(here, words(&line))?;
        let learned = "--learned run/learned.safetensors";
        close("zero-shot", cell(&table, 0, 0, 0)?, accuracy(here, "")?)?;
        close("learned", cell(&table, 0, 1, 0)?, accuracy(here, learned)?)?;
        let average = (cell(&table, 0, 1, 0)? + cell(&table, 0, 1, 1)?) / 2.0;
        close("average", cell(&table, 0, 1, 2)?, average)?;
        ensure!(here.join(format!("tables/{command}.tex")).exists());
    }
    Ok(())
}

#[test]
fn synthetic_images_are_planned_filtered_and_learned_from() -> Result<()> {
    let folder = shifted_pictures(4)?;
    let here = folder.path();
    let plan = "synthetic plan --model tiny --data data --subset base --json --per-class 3";
    let plan = clipwright_json(here, words(plan))?;
    let classes = plan["classes"].as_array().context("no classes")?;
    ensure!(classes.len() == 10, "{plan}");
    for class in classes {
        let low = class["f1"].as_f64().context("no F1")? < 0.7;
        ensure!(class["images"] == if low { 3 } else { 0 }, "{class}");
    }

    // Two classes of "synthetic" pictures: one of them in the wrong folder.
    let names: Vec<String> = classes
        .iter()
        .filter_map(|class| class["class"].as_str().map(String::from))
        .collect();
    let made = here.join("made");
    for (name, source) in [(&names[0], &names[0]), (&names[1], &names[2])] {
        let target = made.join(name);
        fs::create_dir_all(&target)?;
        for index in 0..4 {
            let file = format!("{index:04}.png");
            let from = here.join("data/train").join(source).join(&file);
            fs::copy(from, target.join(file))?;
        }
    }
    let filter = |rest: &str, out: &str| -> Result<Value> {
        let mut arguments: Vec<String> = words(&format!(
            "synthetic filter --model tiny --images made --out {out} {rest} --classes"
        ))
        .map(String::from)
        .collect();
        arguments.push(names.join(","));
        clipwright_json(here, arguments)
    };
    let rows = filter("", "kept")?;
    let sum = |rows: &Value, key: &str| -> u64 {
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter_map(|row| row[key].as_u64()).sum()
    };
    let (kept, rejected) = (sum(&rows, "kept"), sum(&rows, "rejected"));
    ensure!(kept + rejected == 8 && rejected > 0, "{rows}");
    let discarded = here.join("kept/discarded");
    let mut counted = 0;
    for class in fs::read_dir(&discarded)? {
        for predicted in fs::read_dir(class?.path())? {
            let predicted = predicted?.path();
            let name = predicted.file_name().context("no name")?.to_string_lossy();
            let other = name.strip_prefix("predicted_").context("another name")?;
            ensure!(names.iter().any(|class| class == other), "{name}");
            counted += fs::read_dir(&predicted)?.count() as u64;
        }
    }
    ensure!(
        counted == rejected,
        "{counted} discarded; {rejected} rejected"
    );
    let waived = filter("--waive-after 0", "waived")?;
    ensure!(sum(&waived, "waived") == 8, "{waived}");
    ensure!(!here.join("waived/discarded").exists());
    let limited = filter("--waive-after 0 --per-class 1", "limited")?;
    ensure!(sum(&limited, "waived") == 2, "{limited}");

    let train = "train lora --preset disef --model tiny --data data --subset base --shots 1 \
                 --epochs 1 --synthetic waived --out disef --mixup 0.2 --cutmix 0.2";
    let said = succeeds(here, train)?;
    ensure!(said.contains("DISEF: learning from 18 images"), "{said}");
    fs::rename(made.join(&names[0]), made.join("nothing"))?;
    let wrong = train
        .replace("waived", "made")
        .replace("disef --mixup", "other --mixup");
    refuses(here, &wrong, &["nothing", "no class that takes part"])
}

#[test]
fn settings_come_in_layers() -> Result<()> {
    let folder = shifted_pictures(1)?;
    let here = folder.path();
    fs::write(
        here.join("run.toml"),
        "method = \"coop\"\npreset = \"coop-words\"\nmodel = \"tiny\"\ndata = \"data\"\n\
         epochs = 1\nlr = 3e-3\nbatch = 7\n",
    )?;
    succeeds(here, "train coop --config run.toml --batch 5 --out run")?;
    let plan = json(&here.join("run/plan.json"))?;
    let training = &plan["learner"]["context"]["training"];
    ensure!(plan["preset"] == "coop-words", "{plan}");
    ensure!(
        plan["learner"]["context"]["coop"]["init"]["words"] == "a photo of a",
        "the preset: {plan}"
    );
    ensure!(training["lr"] == 3e-3, "the file: {training}");
    ensure!(training["batch"] == 5, "the flag over the file: {training}");
    ensure!(
        training["optimizer"]["momentum"] == 0.9,
        "the method's: {training}"
    );

    // A number of vectors takes the place of the words of a preset.
    succeeds(
        here,
        "train cocoop --n-ctx 3 --epochs 1 --batch 9 --model tiny --data data --out noise",
    )?;
    let coop = &json(&here.join("noise/plan.json"))?["learner"]["context"]["coop"];
    ensure!(
        coop["n_ctx"] == 3 && coop["init"]["random"].is_object(),
        "{coop}"
    );

    let train = "train coop --model tiny --data data --out other";
    for (toml, parts) in [
        ("lrr = 1", &["no setting lrr", "did you mean lr"][..]),
        ("lr = \"fast\"", &["lr"]),
        ("lr = ", &["not valid TOML"]),
        ("rank = 2", &["rank", "means nothing for coop", "lora"]),
        ("method = \"lora\"", &["is for lora"]),
        ("preset = \"cop\"", &["no preset \"cop\"", "coop"]),
        ("epochs = 1\nsteps = 2", &["epochs and steps", "contradict"]),
    ] {
        fs::write(here.join("wrong.toml"), toml)?;
        refuses(here, &format!("{train} --config wrong.toml"), parts)?;
    }
    for (flags, parts) in [
        ("--preset lorra", &["no preset", "did you mean lora"][..]),
        ("--preset cocoop", &["is for cocoop"]),
        ("--rank 2", &["rank", "means nothing for coop"]),
        ("--momentum 1", &["--momentum is 1"]),
        ("--label-smoothing 2", &["--label-smoothing is 2"]),
        ("--lowest-lr 1", &["lowest-lr", "above lr"]),
        ("--n-ctx 0", &["n_ctx is 0"]),
        ("--csc --ctx-init a", &["--csc with --ctx-init"]),
        ("--shots 1,2", &["--shots is [1, 2]"]),
        (
            "--n-ctx 4 --ctx-init a",
            &["n-ctx and ctx-init", "contradict"],
        ),
        ("--dataset eurosatt", &["eurosat"]),
    ] {
        refuses(here, &format!("{train} {flags}"), parts)?;
    }
    let lora = train.replace("train coop", "train lora");
    for (flags, parts) in [
        ("", &["steps for each shot", "--shots"][..]),
        ("--steps 1 --rank 0", &["the rank is 0"]),
        ("--steps 1 --dropout 1", &["--dropout is 1"]),
        ("--steps 1 --lambda 0.5", &["--lambda", "--synthetic"]),
        ("--steps 1 --lambda 2 --synthetic data", &["--lambda is 2"]),
        (
            "--steps 1 --synthetic nowhere",
            &["nowhere", "not a folder"],
        ),
        ("--steps 1 --template words", &["the template is \"words\""]),
        ("--steps 1 --mixup=-1", &["--mixup"]),
    ] {
        let output = run_clipwright(here, words(&format!("{lora} {flags}")))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success(), "{flags} was taken");
        for part in parts {
            ensure!(error.contains(part), "{flags}: no {part:?} in: {error}");
        }
    }
    ensure!(!here.join("other").exists(), "a refused run left a folder");
    Ok(())
}
