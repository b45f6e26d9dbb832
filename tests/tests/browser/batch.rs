//! Many images: folders with labels, the accuracy that the binary finds too, the files
//! that the table becomes, and images that are damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clipwright_tests::{Browser, Page, clipwright_json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fixture, fixture, on_the_page};

/// A row of the table as a person sees it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Row {
    image: String,
    label: String,
    stage: String,
    text: String,
}

/// How often a learner is right.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Score {
    learner: String,
    right: usize,
    of: usize,
}

async fn rows(page: &Page<'_>) -> Result<Vec<Row>> {
    let script = "return [...document.querySelectorAll('[data-testid=batch-row]')].map(row => ({
        image: row.dataset.image, label: row.dataset.label, stage: row.dataset.stage, text: row.innerText }))";
    page.script(script, vec![]).await
}

async fn scores(page: &Page<'_>) -> Result<Vec<Score>> {
    let script = "return [...document.querySelectorAll('[data-testid=batch-score]')].map(score => ({
        learner: score.dataset.learner, right: Number(score.dataset.right), of: Number(score.dataset.of) }))";
    page.script(script, vec![]).await
}

/// Waits until the table has so many rows and all of them are settled.
async fn settled(page: &Page<'_>, count: usize) -> Result<Vec<Row>> {
    page.wait_until(&format!("{count} images are ranked"), async || {
        let rows = rows(page).await?;
        let is_settled = rows.iter().all(|row| row.stage != "waiting");
        let busy = "return document.querySelector('[data-testid=batch]')?.ariaBusy !== 'false'";
        let is_busy: bool = page.script(busy, vec![]).await?;
        Ok((rows.len() == count && is_settled && !is_busy).then_some(rows))
    })
    .await
}

/// Drops files and folders of this machine onto the page, as from a file manager.
pub async fn drop_paths(browser: &Browser, paths: &[&Path]) -> Result<()> {
    let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
    for kind in ["dragEnter", "dragOver", "drop"] {
        let event = json!({ "type": kind, "x": 200, "y": 200, "data": data });
        browser.devtools("Input.dispatchDragEvent", event).await?;
    }
    Ok(())
}

/// A file that the page has given to download.
async fn downloaded(page: &Page<'_>, path: &Path) -> Result<String> {
    page.wait_until(&format!("{} is there", path.display()), async || {
        Ok(fs::read_to_string(path)
            .ok()
            .filter(|text| !text.is_empty()))
    })
    .await
}

/// The share of right answers, as `clipwright eval` counts it.
fn native_accuracy(fixture: &Fixture, template: &str, learned: bool) -> Result<(f64, usize)> {
    let mut arguments = vec!["eval", "--json", "--model", "tiny", "--data", "data"];
    arguments.extend(["--split", "test", "--template", template]);
    if learned {
        arguments.extend(["--learned", "run"]);
    }
    let report = clipwright_json(&fixture.folder, arguments)?;
    let number = |key: &str| {
        report[key]
            .as_f64()
            .with_context(|| format!("no {key}: {report}"))
    };
    Ok((number("accuracy")?, number("images")? as usize))
}

#[tokio::test]
async fn a_folder_of_class_folders_is_measured_as_the_binary_measures_it() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.answer_after(async || page.choose_file("learned-input", &fixture.learned).await)
            .await?;
        drop_paths(browser, &[&fixture.folder.join("data/test")]).await?;
        page.wait_until("the folders name classes", async || {
            let words = page.text("batch-labels-as-classes").await?;
            Ok((!words.is_empty()).then_some(()))
        })
        .await?;
        page.answer_after(async || page.click("batch-labels-as-classes").await)
            .await?;
        let template = page.template().await?;
        let (zero_shot, images) = native_accuracy(fixture, &template, false)?;
        let (learned, _) = native_accuracy(fixture, &template, true)?;
        let table = settled(page, images).await?;
        ensure!(
            table.iter().all(|row| row.stage == "answered"),
            "{table:#?}"
        );
        let found = scores(page).await?;
        let accuracies = found
            .iter()
            .map(|score| score.right as f64 / score.of as f64);
        let accuracies: Vec<f64> = accuracies.collect();
        ensure!(found.iter().all(|score| score.of == images), "{found:?}");
        ensure!(
            accuracies.len() == 2
                && (accuracies[0] - zero_shot).abs() < 1e-6
                && (accuracies[1] - learned).abs() < 1e-6,
            "{found:?}, natively {zero_shot} and {learned} of {images}"
        );
        ensure!(
            learned > zero_shot,
            "learning has taught nothing: {found:?}"
        );
        for (name, width, height, phone) in [
            ("batch-desktop", 1280, 900, false),
            ("batch-phone", 360, 800, true),
        ] {
            browser.set_viewport(width, height, phone).await?;
            page.show_from_the_top().await?;
            let script = "document.querySelector('[data-testid=batch]').scrollIntoView()";
            page.script::<()>(script, vec![]).await?;
            browser.save_screenshot(name).await?;
        }

        browser.set_viewport(1280, 900, false).await?;
        files_hold_the_table(browser, page, &table, zero_shot).await?;
        wrong_ones_and_order(page, &found[0]).await
    })
    .await;
}

async fn files_hold_the_table(
    browser: &Browser,
    page: &Page<'_>,
    table: &[Row],
    zero_shot: f64,
) -> Result<()> {
    let downloads = tempfile::tempdir()?;
    browser.downloads_into(downloads.path()).await?;
    page.click("batch-csv").await?;
    let csv = downloaded(page, &downloads.path().join("clipwright.csv")).await?;
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    ensure!(lines.len() == table.len() + 1, "{} lines", lines.len());
    ensure!(
        lines[0].starts_with("image,label,zero-shot: class,"),
        "{}",
        lines[0]
    );
    let right = lines
        .iter()
        .filter(|line| line.split(',').nth(4) == Some("true"));
    let share = right.count() as f64 / table.len() as f64;
    ensure!(
        (share - zero_shot).abs() < 1e-6,
        "{share} in the CSV, {zero_shot} natively"
    );

    page.click("batch-json").await?;
    let report = downloaded(page, &downloads.path().join("clipwright.json")).await?;
    let report: Value = serde_json::from_str(&report)?;
    let images = report["images"].as_array().context("no images")?;
    ensure!(images.len() == table.len(), "{} images", images.len());
    let accuracy = report["accuracy"][0]["accuracy"].as_f64();
    ensure!(
        accuracy.is_some_and(|accuracy| (accuracy - zero_shot).abs() < 1e-6),
        "{}",
        report["accuracy"]
    );
    let first = &images[0]["rankings"][1]["classes"];
    ensure!(
        first.as_array().is_some_and(|classes| classes.len() > 1),
        "{first}"
    );
    Ok(())
}

/// What is shown can be narrowed and sorted, and a click shows the image.
async fn wrong_ones_and_order(page: &Page<'_>, zero_shot: &Score) -> Result<()> {
    page.click("batch-only-wrong").await?;
    let wrong = rows(page).await?.len();
    ensure!(
        wrong >= zero_shot.of - zero_shot.right,
        "{wrong} wrong of {zero_shot:?}"
    );
    ensure!(wrong < zero_shot.of, "nothing was left out");
    page.click("batch-only-wrong").await?;
    let sort = "document.querySelector('[data-testid=batch-sort][data-key=label]').click()";
    for descending in [false, true] {
        page.script::<()>(sort, vec![]).await?;
        let labels: Vec<String> = rows(page).await?.into_iter().map(|row| row.label).collect();
        let ordered = match descending {
            false => labels.is_sorted(),
            true => labels.is_sorted_by(|a, b| a >= b),
        };
        ensure!(ordered, "not sorted: {labels:?}");
    }
    let show = "document.querySelectorAll('[data-testid=batch-show]')[5].click()";
    page.answer_after(async || page.script(show, vec![]).await)
        .await?;
    let shown = "return document.querySelectorAll('[data-testid=batch-show]')[5].ariaCurrent";
    let shown: Option<String> = page.script(shown, vec![]).await?;
    ensure!(shown.as_deref() == Some("true"), "{shown:?}");
    Ok(())
}

#[tokio::test]
async fn a_picked_folder_is_what_a_dropped_one_is() {
    let folder = fixture().unwrap().folder.join("data/test");
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        drop_paths(browser, &[&folder]).await?;
        let mut images = 0;
        for class in fs::read_dir(&folder)? {
            images += fs::read_dir(class?.path())?.count();
        }
        let dropped = settled(page, images).await?;
        ensure!(
            dropped.iter().all(|row| !row.label.is_empty()),
            "no labels: {dropped:#?}"
        );
        page.click("batch-clear").await?;
        page.choose_file("folder-input", &folder).await?;
        let picked = settled(page, images).await?;
        ensure!(
            picked == dropped,
            "picked: {picked:#?}\ndropped: {dropped:#?}"
        );
        // The same folder can be picked again.
        page.click("batch-clear").await?;
        page.choose_file("folder-input", &folder).await?;
        settled(page, images).await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_damaged_image_is_a_row_that_says_so() {
    let fixture = fixture().unwrap();
    let folder = fixture.folder.join("mixed");
    fs::create_dir_all(&folder).unwrap();
    let whole = fs::read(&fixture.pictures[0]).unwrap();
    let files: [(&str, &[u8]); 4] = [
        ("1 good.png", &whole),
        ("2 cut.png", &whole[..whole.len() / 2]),
        ("=3 good.png", &whole),
        ("notes.txt", b"no image at all"),
    ];
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    for (path, (_, bytes)) in paths.iter().zip(files) {
        fs::write(path, bytes).unwrap();
    }
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        drop_paths(browser, &paths).await?;
        page.error_with("notes.txt").await?;
        let table = settled(page, 3).await?;
        let stages: Vec<&str> = table.iter().map(|row| &row.stage[..]).collect();
        ensure!(stages == ["answered", "failed", "answered"], "{table:#?}");
        ensure!(table[1].text.contains("cut short"), "{table:#?}");
        ensure!(table[0].text.contains('%'), "{table:#?}");

        // The file's name is no formula for a spreadsheet.
        let downloads = tempfile::tempdir()?;
        browser.downloads_into(downloads.path()).await?;
        page.click("batch-csv").await?;
        let csv = downloaded(page, &downloads.path().join("clipwright.csv")).await?;
        ensure!(csv.contains("\"'=3 good.png\""), "{csv}");
        ensure!(csv.contains("cut short"), "{csv}");

        page.click("batch-clear").await?;
        ensure!(rows(page).await?.is_empty(), "the table is not empty");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_long_table_can_be_stopped_and_goes_on() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        drop_paths(browser, &[&fixture.folder.join("data/train")]).await?;
        let progress =
            "return document.querySelector('[data-testid=batch] [role=progressbar]')?.ariaValueNow";
        page.wait_until("the work is under way", async || {
            let done: Option<String> = page.script(progress, vec![]).await?;
            Ok(done
                .and_then(|done| done.parse::<f64>().ok())
                .filter(|done| *done > 0.0))
        })
        .await?;
        let cancel = "document.querySelector('[data-testid=batch] [data-testid=cancel]').click()";
        page.script::<()>(cancel, vec![]).await?;
        page.wait_until("it has stopped", async || {
            let words = page.text("batch-resume").await?;
            Ok((!words.is_empty()).then_some(()))
        })
        .await?;
        let waiting = async || -> Result<usize> {
            let rows = rows(page).await?;
            Ok(rows.iter().filter(|row| row.stage == "waiting").count())
        };
        let left = waiting().await?;
        ensure!(left > 0, "all was done before it could be stopped");
        tokio::time::sleep(Duration::from_millis(800)).await;
        ensure!(waiting().await? >= left - 1, "it went on");
        page.click("batch-resume").await?;
        let count = rows(page).await?.len();
        settled(page, count).await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_folder_of_too_many_files_is_told_of() {
    on_the_page(async |browser, page| {
        let folder = tempfile::tempdir()?;
        for number in 0..2002 {
            fs::write(folder.path().join(format!("{number:04}.txt")), "a note")?;
        }
        page.first_answer().await?;
        drop_paths(browser, &[folder.path()]).await?;
        let told = page.error_with("the first 2000 files were taken").await?;
        ensure!(told.contains("“0000.txt” (and 1999 more)"), "{told}");
        Ok(())
    })
    .await;
}
