//! `cargo xtask demo`: the whole way from photos to a page. Learns a prompt on a
//! domain of the embedded model's world, compares it with zero-shot, and serves
//! the page with it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::project::{Project, output, succeed};
use crate::{served, setup};

/// As typed.
#[derive(Default)]
pub struct Options {
    /// Check that the page is served, then end.
    pub once: bool,
    /// 0: the usual one, or any free one if that is taken.
    pub port: u16,
    /// Give the page's worker threads, too.
    pub threads: bool,
}

/// Pictures per class to learn from, and as many to measure with.
const PER_CLASS: &str = "32";
const SHOTS: &str = "16";
const EPOCHS: &str = "50";
const N_CTX: &str = "4";
const SEED: &str = "1";

/// The name of a run's learned file.
const LEARNED: &str = "learned.safetensors";

/// Accuracies, as fractions.
struct Row {
    name: String,
    base: f64,
    new: f64,
}

pub fn run(mut project: Project, options: &Options) -> Result<()> {
    setup::page_tools(&mut project, options.threads)?;
    step(1, "building clipwright");
    let clipwright = project.build_binary()?;

    let folder = project.target.join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove the last demo in {}", folder.display()))?;
    }
    let (data, run) = (folder.join("data"), folder.join("run"));
    step(
        2,
        "drawing pictures of a domain that the embedded model is weak at",
    );
    let mut generate = project.program(&clipwright);
    generate.args([
        "data",
        "generate",
        "shifted",
        "--per-class",
        PER_CLASS,
        "--seed",
        SEED,
    ]);
    succeed(generate.arg("--out").arg(&data), "drawing the pictures")?;

    step(
        3,
        &format!("learning a prompt from {SHOTS} pictures of each base class"),
    );
    let mut train = project.program(&clipwright);
    train.args([
        "train", "coop", "--model", "tiny", "--subset", "base", "--shots", SHOTS,
    ]);
    train.args(["--epochs", EPOCHS, "--n-ctx", N_CTX, "--seed", SEED]);
    train.arg("--data").arg(&data).arg("--out").arg(&run);
    succeed(&mut train, "learning the prompt")?;
    let learned = run.join(LEARNED);

    step(
        4,
        "comparing it with zero-shot, on the base classes and on classes it never saw",
    );
    let accuracy = |learned: Option<&Path>, subset| {
        let mut eval = project.program(&clipwright);
        eval.args([
            "eval", "--model", "tiny", "--json", "--subset", subset, "--data",
        ])
        .arg(&data);
        if let Some(learned) = learned {
            eval.arg("--learned").arg(learned);
        }
        accuracy_of(&output(&mut eval)?)
    };
    let row = |name: &str, learned| -> Result<Row> {
        let (base, new) = (accuracy(learned, "base")?, accuracy(learned, "new")?);
        Ok(Row {
            name: name.into(),
            base,
            new,
        })
    };
    let zero_shot = row("zero-shot", None)?;
    let coop = row(&format!("CoOp, {SHOTS} shots"), Some(&learned))?;

    step(5, "building the page");
    let page = folder.join("page");
    served::copy_folder(&project.build_page(options.threads)?, &page)?;
    let beside = page.join(LEARNED);
    fs::copy(&learned, &beside)
        .with_context(|| format!("cannot copy {} to {}", learned.display(), beside.display()))?;

    println!(
        "\nAccuracy on pictures it has not seen\n{}",
        table(&[zero_shot, coop])
    );
    println!(
        "The learned prompt, to drop on the page: {}",
        learned.display()
    );
    if options.once {
        served::check(project.program(&clipwright), &page, options.port)
    } else {
        served::serve(project.program(&clipwright), &page, options.port)
    }
}

fn step(number: usize, what: &str) {
    eprintln!("\n[{number}/5] {what}");
}

/// The accuracy in what `clipwright eval --json` printed.
fn accuracy_of(report: &str) -> Result<f64> {
    let report: Value = serde_json::from_str(report).context("eval --json printed no JSON")?;
    report["accuracy"]
        .as_f64()
        .context("eval --json printed no number as accuracy")
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![format!(
        "{:<18}{:>10}{:>10}{:>16}",
        "", "base", "new", "harmonic mean"
    )];
    for Row { name, base, new } in rows {
        let mean = if base + new > 0.0 {
            2.0 * base * new / (base + new)
        } else {
            0.0
        };
        let [base, new, mean] =
            [*base, *new, mean].map(|fraction| format!("{:.1} %", 100.0 * fraction));
        lines.push(format!("{name:<18}{base:>10}{new:>10}{mean:>16}"));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::{Row, accuracy_of, table};

    #[test]
    fn the_accuracy_is_read_from_the_report() {
        assert_eq!(
            accuracy_of(r#"{"accuracy": 0.25, "error": 0.75}"#).unwrap(),
            0.25
        );
        assert!(accuracy_of(r#"{"accuracy": "high"}"#).is_err());
        assert!(accuracy_of("accuracy: 25 %").is_err());
    }

    #[test]
    fn the_table_has_the_harmonic_mean() {
        let rows = [
            Row {
                name: "a".into(),
                base: 0.6,
                new: 0.3,
            },
            Row {
                name: "b".into(),
                base: 0.0,
                new: 0.0,
            },
        ];
        let table = table(&rows);
        let cells: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(cells[1], ["a", "60.0", "%", "30.0", "%", "40.0", "%"]);
        assert_eq!(cells[2], ["b", "0.0", "%", "0.0", "%", "0.0", "%"]);
    }
}
