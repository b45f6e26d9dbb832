//! A page of somebody's own classifier, as `clipwright site` writes it: it answers as the
//! binary does, knows no other classes, and works without a connection.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clipwright_tests::{Browser, Page, PageServer, page_folder, succeeds};

use super::binary::{Binary, same_rankings};
use super::offline::is_kept;
use super::{TOLERANCE, fixture, nothing_amiss};

const TEMPLATE: &str = "a photo of a {}.";

/// Writes a site of these runs; its folder. Runs that are missing are learned first.
fn write_site(name: &str, runs: &[&str], dtype: &str) -> Result<PathBuf> {
    let here = &fixture()?.folder;
    let out = format!("site-{name}");
    let mut learned = String::new();
    for method in runs {
        let folder = run_folder(&out, method);
        let folder = folder.display();
        if !here.join(folder.to_string()).exists() {
            let how = match *method {
                "lora" => "lora --steps 8 --rank 2 --shots 2",
                other => &format!("{other} --epochs 1 --n-ctx 2 --shots 1"),
            };
            succeeds(
                here,
                &format!("train {how} --model tiny --data data --seed 1 --out {folder}"),
            )?;
        }
        learned += &format!(" --learned {folder}");
    }
    let page = page_folder()?;
    let page = page.to_str().context("a folder that is no UTF-8")?;
    succeeds(
        here,
        &format!("site --model tiny{learned} --dtype {dtype} --page {page} --out {out}"),
    )?;
    Ok(here.join(out))
}

/// Where a run lies in the fixture's folder.
fn run_folder(site: &str, method: &str) -> PathBuf {
    match method {
        "coop" => "run".into(), // the fixture's
        other => format!("{site}-{other}").into(),
    }
}

/// What the page shows is what `clipwright classify` says; the largest difference.
async fn same_as_native(
    page: &Page<'_>,
    site: &Path,
    runs: &[&str],
    picture: &Path,
    tolerance: f64,
) -> Result<f64> {
    let shown = page
        .wait_until("every learner has answered", async || {
            let results = page.results().await?;
            let all = 1 + runs.len();
            Ok(results.filter(|results| results.cards.len() == all))
        })
        .await?;
    let classes = page.class_names().await?;
    let name = site.file_name().context("a folder")?.to_string_lossy();
    let learned: Vec<PathBuf> = runs.iter().map(|run| run_folder(&name, run)).collect();
    let binary = Binary {
        folder: &fixture()?.folder,
        model: "tiny".as_ref(),
        learned: &learned,
        templates: &[TEMPLATE.into()],
    };
    let native = binary.rankings(&classes, picture)?;
    same_rankings(&shown.cards, &native, &classes, tolerance)
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
                let off = same_as_native(&page, &folder, &runs, picture, tolerance)
                    .await
                    .context(dtype)?;
                println!("{dtype}: {off:.6} off");
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
        same_as_native(&page, &folder, &runs, &fixture.pictures[0], TOLERANCE).await?;
        ensure!(count(&page, "[role=tab]").await? == 6);
        // It can learn, from photos of one's own: the page's examples are not there.
        page.click("tab-train").await?;
        for (selector, expected) in [
            ("[data-testid=train-photos-card]", 1),
            ("[data-testid=train-lesson]", 0),
        ] {
            let found = count(&page, selector).await?;
            ensure!(found == expected, "{selector}: {found}");
        }
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
        is_kept(&page).await?;
        let url = server.url.clone();
        drop(server);
        let page = Page::open(browser, &url).await?;
        page.choose_file("image-input", &fixture.pictures[0])
            .await?;
        same_as_native(&page, &folder, &runs, &fixture.pictures[0], 0.15)
            .await
            .map(drop)
    })
    .await
}
