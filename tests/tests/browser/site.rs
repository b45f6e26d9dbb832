//! A page of somebody's own classifier, as `clipwright site` writes it: it answers as the
//! binary does, knows no other classes, and works without a connection.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clipwright_tests::{Browser, Page, PageServer, clipwright_json, page_folder, run_clipwright};
use serde_json::Value;

use super::{TOLERANCE, check_card, fixture};

const TEMPLATE: &str = "a photo of a {}.";

/// Writes a site of these runs; its folder. Runs that are missing are learned first.
fn write_site(name: &str, runs: &[&str], dtype: &str) -> Result<PathBuf> {
    let here = &fixture()?.folder;
    let run = |line: &str| -> Result<()> {
        let output = run_clipwright(here, line.split(' '))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "clipwright {line}: {said}");
        Ok(())
    };
    let out = format!("site-{name}");
    let mut learned = String::new();
    for method in runs {
        let folder = match *method {
            "coop" => "run".to_string(), // the fixture's
            other => format!("{out}-{other}"),
        };
        if !here.join(&folder).exists() {
            let how = match *method {
                "lora" => "lora --steps 8 --rank 2 --shots 2",
                other => &format!("{other} --epochs 1 --n-ctx 2 --shots 1"),
            };
            run(&format!(
                "train {how} --model tiny --data data --seed 1 --out {folder}"
            ))?;
        }
        learned += &format!(" --learned {folder}");
    }
    let page = page_folder()?;
    let page = page.to_str().context("a folder that is no UTF-8")?;
    run(&format!(
        "site --model tiny{learned} --dtype {dtype} --page {page} --out {out}"
    ))?;
    Ok(here.join(out))
}

/// The largest difference between what the page shows and what `clipwright classify` says.
async fn difference(page: &Page<'_>, site: &Path, runs: &[&str], picture: &Path) -> Result<f64> {
    let shown = page
        .wait_until("every learner has answered", async || {
            let results = page.results().await?;
            let all = 1 + runs.len();
            Ok(results.filter(|results| results.cards.len() == all))
        })
        .await?;
    let classes = page.class_names().await?;
    let here = &fixture()?.folder;
    let name = site.file_name().context("a folder")?.to_string_lossy();
    let mut arguments: Vec<String> = ["classify", "--json", "--model", "tiny", "--template"]
        .map(String::from)
        .into();
    arguments.push(TEMPLATE.into());
    arguments.extend(["--classes".into(), classes.join(",")]);
    for method in runs {
        let folder = match *method {
            "coop" => "run".to_string(),
            other => format!("{name}-{other}"),
        };
        arguments.extend(["--learned".into(), folder]);
    }
    arguments.push(picture.to_string_lossy().into_owned());
    let answer = clipwright_json(here, arguments)?;
    let rankings = answer[0]["rankings"].as_array().context("no rankings")?;
    let mut largest = 0f64;
    for (card, ranking) in shown.cards.iter().zip(rankings) {
        check_card(card, &classes)?;
        ensure!(ranking["method"] == card.method.as_str(), "{card:?}");
        let expected: Vec<Value> = ranking["classes"].as_array().cloned().unwrap_or_default();
        for row in &card.rows {
            let other = expected
                .iter()
                .find(|other| other["class"] == row.class.as_str());
            let other = other.and_then(|other| other["probability"].as_f64());
            let other = other.with_context(|| format!("no {}", row.class))?;
            largest = largest.max((row.probability - other).abs());
        }
    }
    Ok(largest)
}

/// Everything was found and the console is clean.
async fn nothing_amiss(browser: &Browser, page: &Page<'_>) -> Result<()> {
    let script = "return performance.getEntriesByType('resource')
        .filter(entry => entry.responseStatus >= 400).map(entry => entry.name)";
    let missing: Vec<String> = page.script(script, vec![]).await?;
    ensure!(missing.is_empty(), "not found: {missing:?}");
    let foreign = page.foreign_requests().await?;
    ensure!(
        foreign.is_empty(),
        "the page asked other hosts: {foreign:?}"
    );
    let complaints = browser.console_complaints().await?;
    ensure!(complaints.is_empty(), "the console: {complaints:#?}");
    Ok(())
}

async fn count(page: &Page<'_>, selector: &str) -> Result<usize> {
    let script = "return document.querySelectorAll(arguments[0]).length";
    page.script(script, vec![selector.into()]).await
}

#[tokio::test]
async fn a_site_answers_as_the_binary_does() -> Result<()> {
    let fixture = fixture()?;
    for (dtype, tolerance) in [("f32", TOLERANCE), ("f16", 0.01), ("int8", 0.15)] {
        let runs = ["coop", "lora"];
        let folder = write_site("answers", &runs, dtype)?;
        let outcome = Browser::with(async |browser| {
            browser.set_viewport(1280, 900, false).await?;
            let server = PageServer::of(&folder).await?;
            let page = Page::open(browser, &server.url).await?;
            for picture in &fixture.pictures[..2] {
                page.choose_file("image-input", picture).await?;
                let title = picture.file_name().context("a file")?.to_string_lossy();
                page.wait_until("the picture is shown", async || {
                    let shown: String = page
                        .script(
                            "return document.querySelector('.picture').alt ?? ''",
                            vec![],
                        )
                        .await?;
                    Ok((shown == title && page.results().await?.is_some()).then_some(()))
                })
                .await?;
                let off = difference(&page, &folder, &runs, picture).await?;
                println!("{dtype}: {off:.6} off");
                ensure!(off <= tolerance, "{dtype}: {off}");
            }
            let title = browser.client.title().await?;
            ensure!(title.starts_with("azure banded wedge, "), "{title}");
            browser.save_screenshot(&format!("site-{dtype}")).await?;
            nothing_amiss(browser, &page).await
        });
        outcome.await?;
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_site_knows_its_own_classes_only() -> Result<()> {
    let folder = write_site("classes", &["coop"], "f16")?;
    Browser::with(async |browser| {
        browser.set_viewport(390, 844, true).await?;
        let server = PageServer::of(&folder).await?;
        // A link of another page: it names classes and a tab that are not here.
        let link = format!("{}#tab=train&classes=cat,dog", server.url);
        let page = Page::open(browser, &link).await?;
        let classes = page.class_names().await?;
        ensure!(classes.len() == 20, "{classes:?}");
        for (selector, expected) in [
            ("[data-testid=class-input]", 0),
            ("[data-testid=class-chip] button", 0),
            ("[data-testid=learned-input]", 0),
            ("[role=tab]", 3),
            ("[data-testid=tab-train]", 0),
            ("[data-testid=template-input][readonly]", 1),
            ("[data-testid=room-classify]", 1),
        ] {
            let found = count(&page, selector).await?;
            ensure!(found == expected, "{selector}: {found}");
        }
        browser.save_screenshot("site-phone").await?;
        nothing_amiss(browser, &page).await
    })
    .await
}

#[tokio::test]
async fn a_site_with_cocoop_takes_any_classes() -> Result<()> {
    let fixture = fixture()?;
    let runs = ["cocoop"];
    let folder = write_site("any", &runs, "f32")?;
    Browser::with(async |browser| {
        browser.set_viewport(1280, 900, false).await?;
        let server = PageServer::of(&folder).await?;
        let page = Page::open(browser, &server.url).await?;
        page.choose_file("image-input", &fixture.pictures[0])
            .await?;
        page.first_answer().await?;
        page.answer_after(async || page.type_over("class-input", "something else\n").await)
            .await?;
        let off = difference(&page, &folder, &runs, &fixture.pictures[0]).await?;
        ensure!(off <= TOLERANCE, "{off}");
        ensure!(count(&page, "[role=tab]").await? == 6);
        nothing_amiss(browser, &page).await
    })
    .await
}

#[tokio::test]
async fn a_site_works_without_a_connection() -> Result<()> {
    let fixture = fixture()?;
    let runs = ["coop"];
    let folder = write_site("offline", &runs, "int8")?;
    Browser::with(async |browser| {
        let server = PageServer::of(&folder).await?;
        let page = Page::open(browser, &server.url).await?;
        page.wait_until("the site is kept", async || {
            let kept: bool = page
                .script(
                    "return document.documentElement.dataset.offline === 'ready'",
                    vec![],
                )
                .await?;
            Ok(kept.then_some(()))
        })
        .await?;
        let url = server.url.clone();
        drop(server);
        let page = Page::open(browser, &url).await?;
        page.choose_file("image-input", &fixture.pictures[0])
            .await?;
        let off = difference(&page, &folder, &runs, &fixture.pictures[0]).await?;
        ensure!(off <= 0.15, "{off}");
        Ok(())
    })
    .await
}
