//! Training in the page: it learns what the binary learns, can be stopped and continued,
//! and outlives a reload.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_tests::{Browser, Page, clipwright_json, shifted_pictures, succeeds};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::binary::{Binary, same_ranking};
use super::{TOLERANCE, check_card, on_the_page};

/// In the order that the binary takes folders in.
const CLASSES: [&str; 4] = [
    "emerald solid disc",
    "golden solid plus",
    "ivory spotted blossom",
    "scarlet solid box",
];
/// Pictures of a class; one of them is only tested on.
const PICTURES: usize = 5;
const EPOCHS: usize = 10;

/// The course as the page shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) state: String,
    pub(super) epoch: usize,
    pub(super) kept: usize,
    /// Newest first: epoch, loss, accuracy, accuracy on tested photos; none is NaN.
    pub(super) rows: Vec<[Option<f64>; 4]>,
}

pub(super) async fn shown(page: &Page<'_>) -> Result<Shown> {
    let script = "
        const course = document.querySelector('[data-testid=train-course]');
        const number = cell => cell.dataset.value === undefined ? null : Number(cell.dataset.value);
        return {
            state: course.dataset.state,
            epoch: Number(course.dataset.epoch),
            kept: Number(course.dataset.kept),
            rows: [...course.querySelectorAll('[data-testid=train-epoch]')].map(row =>
                [Number(row.dataset.epoch), ...[...row.querySelectorAll('td')].slice(0, 3).map(number)]),
        };";
    page.script(script, vec![]).await
}

/// Waits until the course is as `is` says.
pub(super) async fn course_until(
    page: &Page<'_>,
    what: &str,
    is: impl Fn(&Shown) -> bool,
) -> Result<Shown> {
    page.wait_until(what, async || Ok(Some(shown(page).await?).filter(&is)))
        .await
}

/// The number in a cell of the scores.
pub(super) async fn score(page: &Page<'_>, cell: &str) -> Result<Option<f64>> {
    let script = "const { value } = document.querySelector(arguments[0]).dataset;
        return value === undefined ? null : Number(value);";
    page.script(script, vec![json!(format!("[data-testid={cell}]"))])
        .await
}

/// Slides a number to `value`.
pub(super) async fn slide(page: &Page<'_>, slider: &str, value: f64) -> Result<()> {
    let script = "
        const slider = document.querySelector(arguments[0]);
        slider.value = arguments[1];
        slider.dispatchEvent(new Event('input', { bubbles: true }));";
    let selector = format!("[data-testid={slider}]");
    page.script(script, vec![json!(selector), json!(value)])
        .await
}

/// Another person's classes in the place of the page's.
pub(super) async fn set_classes(page: &Page<'_>, classes: &[&str]) -> Result<()> {
    let script = "document.querySelector('[data-testid=class-chip] button').click()";
    while !page.class_names().await?.is_empty() {
        page.script::<()>(script, vec![]).await?;
    }
    for class in classes {
        page.type_over("train-class-input", &format!("{class}\n"))
            .await?;
    }
    ensure!(page.class_names().await? == classes, "the classes");
    Ok(())
}

/// Waits until every photo has been read.
pub(super) async fn photos_are_read(page: &Page<'_>, number: usize) -> Result<()> {
    page.wait_until("the photos are read", async || {
        let script = "
            const photos = [...document.querySelectorAll('[data-testid=train-photo]')];
            return photos.filter(photo => ['is-learned', 'is-held-out'].includes(photo.dataset.stage)).length";
        let read: usize = page.script(script, vec![]).await?;
        Ok((read == number).then_some(()))
    })
    .await
}

/// `lesson/{train,test}/CLASS/NNNN.png`: the last picture of each class is for testing.
fn lesson() -> Result<TempDir> {
    let folder = shifted_pictures(PICTURES)?;
    for class in CLASSES {
        for number in 0..PICTURES {
            let name = format!("{number:04}.png");
            let split = if number + 1 < PICTURES {
                "train"
            } else {
                "test"
            };
            let to = folder.path().join("lesson").join(split).join(class);
            fs::create_dir_all(&to)?;
            let from = folder.path().join("data/train").join(class).join(&name);
            fs::copy(from, to.join(name))?;
        }
    }
    Ok(folder)
}

fn picture(folder: &Path, class: &str, number: usize) -> PathBuf {
    folder.join(format!("data/train/{class}/{number:04}.png"))
}

/// What the binary learns from the same pictures.
fn native_run(folder: &Path, method: &str, out: &str, rest: &str) -> Result<()> {
    let line = format!(
        "train {method} --model tiny --data lesson --augment none --seed 3 --epochs {EPOCHS} --out {out} {rest}"
    );
    succeeds(folder, &line).map(drop)
}

/// Loss and accuracy of each epoch of a run.
fn native_epochs(folder: &Path, out: &str) -> Result<Vec<(f64, f64)>> {
    let lines = fs::read_to_string(folder.join(out).join("metrics.jsonl"))?;
    let numbers = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line)?;
        let number = |key: &str| line[key].as_f64().with_context(|| format!("no {key}"));
        Ok((number("loss")?, number("accuracy")?))
    });
    numbers.collect()
}

fn tensors(path: &Path) -> Result<Vec<(String, Vec<f32>)>> {
    let file = LearnedFile::from_bytes(&fs::read(path)?)?;
    let tensors = file
        .tensors
        .iter()
        .map(|(name, tensor)| Ok((name.to_string(), tensor.flatten_all()?.to_vec1()?)));
    tensors.collect()
}

/// Downloads what was learned.
async fn download(browser: &Browser, page: &Page<'_>, folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("downloads");
    fs::create_dir_all(&folder)?;
    let file = folder.join("learned.safetensors");
    if file.exists() {
        fs::remove_file(&file)?;
    }
    browser.downloads_into(&folder).await?;
    page.click("train-download").await?;
    page.wait_until("the file is downloaded", async || {
        // Before its bytes have come an empty file keeps the name.
        let length = fs::metadata(&file).map_or(0, |file| file.len());
        Ok((length > 0).then_some(()))
    })
    .await?;
    Ok(file)
}

#[tokio::test]
async fn what_is_learned_here_is_what_the_binary_learns() {
    let folder = lesson().unwrap();
    let folder = folder.path();
    native_run(folder, "coop", "coop", "--n-ctx 4 --batch 6 --lr 0.01").unwrap();
    native_run(folder, "cocoop", "cocoop", "--lr 0.002").unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.click("tab-train").await?;
        set_classes(page, &CLASSES).await?;
        for (index, class) in CLASSES.iter().enumerate() {
            for number in 0..PICTURES {
                let input = format!("train-photos-{index}");
                page.choose_file(&input, &picture(folder, class, number))
                    .await?;
            }
        }
        photos_are_read(page, CLASSES.len() * PICTURES).await?;
        page.script::<()>(
            "document.querySelector('[data-testid=train-more]').click()",
            vec![],
        )
        .await?;

        for (method, rate) in [("coop", 4.0), ("cocoop", 2.0)] {
            page.click(&format!("train-method-{method}")).await?;
            slide(page, "train-lr", rate).await?;
            slide(page, "train-epochs", EPOCHS as f64).await?;
            if method == "coop" {
                slide(page, "train-batch", 6.0).await?;
            }
            page.type_over("train-seed", "3\n").await?;
            page.click("train-begin").await?;
            let course = course_until(page, "the course ends", |it| {
                it.state == "finished" && it.kept == EPOCHS
            })
            .await?;

            let mut rows = course.rows;
            rows.reverse();
            let native = native_epochs(folder, method)?;
            ensure!(
                rows.len() == EPOCHS + 1 && native.len() == EPOCHS,
                "{rows:?}"
            );
            for (row, (loss, accuracy)) in rows[1..].iter().zip(native) {
                let own = (row[1].context("a loss")?, row[2].context("an accuracy")?);
                ensure!(
                    (own.0 - loss).abs() < TOLERANCE && (own.1 - accuracy).abs() < 1e-9,
                    "{method}: {own:?} in the page, {loss} and {accuracy} natively"
                );
            }

            let file = download(browser, page, folder).await?;
            let native = folder.join(method).join("learned.safetensors");
            for ((name, own), (native_name, native)) in
                tensors(&file)?.iter().zip(tensors(&native)?)
            {
                ensure!(*name == native_name && own.len() == native.len(), "{name}");
                let differences = own.iter().zip(&native).map(|(a, b)| (a - b).abs());
                let most = differences.fold(0.0, f32::max);
                ensure!(
                    most < 1e-4,
                    "{method}: {name} is {most} away from the binary's"
                );
            }

            // The binary measures the file to the page's number.
            let arguments = [
                "eval",
                "--json",
                "--model",
                "tiny",
                "--data",
                "lesson",
                "--learned",
                "downloads/learned.safetensors",
            ];
            let measured = clipwright_json(folder, arguments)?;
            let accuracy = find_number(&measured, "accuracy").context("no accuracy")?;
            let tested = score(page, "train-learned-base")
                .await?
                .context("no score")?;
            ensure!((accuracy - tested).abs() < 1e-9, "{accuracy} and {tested}");

            // And it answers in the page as in the binary.
            page.click("train-use").await?;
            page.click("tab-classify").await?;
            let results = page
                .wait_until("it answers beside the others", async || {
                    let results = page.results().await?;
                    Ok(results
                        .filter(|it| it.cards.last().is_some_and(|card| card.method == method)))
                })
                .await?;
            let card = results.cards.last().context("no card")?;
            ensure!(card.method == method, "{results:?}");
            check_card(card, &page.class_names().await?)?;
            let tested = picture(folder, CLASSES[1], PICTURES - 1);
            let results = page
                .answer_after(async || page.choose_file("image-input", &tested).await)
                .await?;
            let card = results.cards.last().context("no card")?;
            let binary = Binary {
                folder,
                model: "tiny".as_ref(),
                learned: &["downloads/learned.safetensors".into()],
                templates: &[],
            };
            let classes = page.class_names().await?;
            let native = binary.rankings(&classes, &tested)?;
            let native = native.last().context("no ranking")?;
            same_ranking(card, native, &classes, TOLERANCE)?;
            page.click("tab-train").await?;
            page.script::<()>(
                "document.querySelector('[data-testid=train-more]').click()",
                vec![],
            )
            .await?;
        }
        Ok(())
    })
    .await;
}

/// The first number of that name, wherever it is.
fn find_number(value: &Value, key: &str) -> Option<f64> {
    match value {
        Value::Object(fields) => {
            let own = fields.get(key).and_then(Value::as_f64);
            own.or_else(|| fields.values().find_map(|field| find_number(field, key)))
        }
        Value::Array(items) => items.iter().find_map(|item| find_number(item, key)),
        _ => None,
    }
}
