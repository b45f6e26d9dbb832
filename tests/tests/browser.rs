//! The built page in a real headless Chromium, driven as a person would: it answers
//! as the binary does, and says what is wrong. Every test opens a browser of its own.
//! One part of the page is one module.

#[path = "browser/accessibility.rs"]
mod accessibility;
#[path = "browser/augment.rs"]
mod augment;
#[path = "browser/batch.rs"]
mod batch;
#[path = "browser/binary.rs"]
mod binary;
#[path = "browser/faults.rs"]
mod faults;
#[path = "browser/hub.rs"]
mod hub;
#[path = "browser/images.rs"]
mod images;
#[path = "browser/learned.rs"]
mod learned;
#[path = "browser/module.rs"]
mod module;
#[path = "browser/offline.rs"]
mod offline;
#[path = "browser/page.rs"]
mod page;
#[path = "browser/patches.rs"]
mod patches;
#[path = "browser/share.rs"]
mod share;
#[path = "browser/site.rs"]
mod site;
#[path = "browser/steady.rs"]
mod steady;
#[path = "browser/theme.rs"]
mod theme;
#[path = "browser/threads.rs"]
mod threads;
#[path = "browser/tour.rs"]
mod tour;
#[path = "browser/train.rs"]
mod train;
#[path = "browser/train_course.rs"]
mod train_course;
#[path = "browser/tune.rs"]
mod tune;
#[path = "browser/views.rs"]
mod views;
#[path = "browser/vocabulary.rs"]
mod vocabulary;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Result, anyhow, ensure};
use clipwright_tests::{Browser, Card, Page, PageServer, only_run, succeeds};
use image::{DynamicImage, RgbImage, RgbaImage, imageops};

/// The same weights, the same pixels; only the order of sums differs between the
/// native and the browser's vector instructions.
const TOLERANCE: f64 = 1e-4;

/// What a person brings: pictures, and a prompt learned with the binary.
struct Fixture {
    folder: PathBuf,
    /// PNG with transparency, oblong JPEG, plain PNG: each is read in another way.
    pictures: Vec<PathBuf>,
    learned: PathBuf,
}

/// Made once, whichever test comes first.
fn fixture() -> Result<&'static Fixture> {
    static FIXTURE: OnceLock<Result<Fixture, String>> = OnceLock::new();
    let made = FIXTURE.get_or_init(|| make_fixture().map_err(|error| format!("{error:#}")));
    made.as_ref()
        .map_err(|error| anyhow!("the fixture: {error}"))
}

fn make_fixture() -> Result<Fixture> {
    only_run()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for line in [
        "data generate shifted --out data --per-class 4 --seed 7",
        "train coop --model tiny --data data --shots 4 --seed 1 --epochs 10 --n-ctx 4 --out run",
    ] {
        succeeds(&folder, line)?;
    }
    let pictures = pictures(&folder)?;
    let learned = folder.join("run/learned.safetensors");
    Ok(Fixture {
        folder,
        pictures,
        learned,
    })
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut classes = Vec::new();
    for entry in fs::read_dir(folder.join("data/test"))? {
        classes.push(entry?.path());
    }
    classes.sort();
    ensure!(
        classes.len() > 3,
        "expected more than three classes, found {classes:?}"
    );
    let open =
        |class: &Path| -> Result<RgbImage> { Ok(image::open(class.join("0000.png"))?.into_rgb8()) };

    let jpeg = folder.join("oblong.jpg");
    let oblong = imageops::resize(
        &open(&classes[2])?,
        301,
        200,
        imageops::FilterType::Triangle,
    );
    oblong.save(&jpeg)?;

    let png = folder.join("transparent.png");
    let mut transparent: RgbaImage = DynamicImage::from(open(&classes[3])?).into_rgba8();
    for (x, _, pixel) in transparent.enumerate_pixels_mut() {
        pixel.0[3] = (4 * x).min(255) as u8;
    }
    transparent.save(&png)?;
    Ok(vec![png, jpeg, classes[1].join("0000.png")])
}

/// Opens the page, runs `test`, and sees that nothing was amiss behind its back.
async fn on_the_page(test: impl AsyncFnOnce(&Browser, &Page<'_>) -> Result<()>) {
    let outcome = Browser::with(async |browser| {
        let server = PageServer::start().await?;
        let page = Page::open(browser, &server.url).await?;
        test(browser, &page).await?;
        nothing_amiss(browser, &page).await
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}

/// Everything was found, on the page's own host, and the console is clean.
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

/// A card is a ranking: most probable first, one row a class, and in all 1.
fn check_card(card: &Card, classes: &[String]) -> Result<()> {
    let mut ranked: Vec<&String> = card.rows.iter().map(|row| &row.class).collect();
    ranked.sort();
    let mut expected: Vec<&String> = classes.iter().collect();
    expected.sort();
    ensure!(ranked == expected, "the classes of {card:?}");
    ensure!(
        card.rows
            .is_sorted_by(|a, b| a.probability >= b.probability),
        "not ranked: {card:?}"
    );
    let sum: f64 = card.rows.iter().map(|row| row.probability).sum();
    ensure!(
        (sum - 1.0).abs() < 1e-4,
        "probabilities that sum to {sum}: {card:?}"
    );
    Ok(())
}
