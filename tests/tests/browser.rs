//! The built page in a real headless Chromium: it answers as the binary does, and
//! says what is wrong with a file. Every test opens a browser of its own.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use clipwright_tests::{Browser, Card, Page, PageServer, clipwright_json, run_clipwright};
use image::{DynamicImage, RgbImage, RgbaImage, imageops};
use serde_json::Value;

/// The same weights, the same pixels; only the order of sums differs between the
/// native and the browser's vector instructions.
const TOLERANCE: f64 = 1e-4;

/// The classes of the page that its pictures are ranked by.
const EXTRA_CLASS: &str = "something else";
const TEMPLATE: &str = "a picture of a {}.";

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
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let run = |arguments: &str| {
        let output = run_clipwright(&folder, arguments.split(' '))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "clipwright {arguments}: {said}");
        Ok(())
    };
    run("data generate shifted --out data --per-class 4 --seed 7")?;
    run("train coop --model tiny --data data --shots 4 --seed 1 --epochs 10 --n-ctx 4 --out run")?;
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
        let foreign = page.foreign_requests().await?;
        ensure!(
            foreign.is_empty(),
            "the page asked other hosts: {foreign:?}"
        );
        let complaints = browser.console_complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:#?}");
        Ok(())
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
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

#[tokio::test]
async fn the_page_opens_with_an_answer_to_a_sample() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        let first = page.first_answer().await?;
        let classes = page.class_names().await?;
        ensure!(
            classes.len() >= 2,
            "the page opens with the classes {classes:?}"
        );
        let [card] = &first.cards[..] else {
            anyhow::bail!("expected zero-shot alone, got {first:?}");
        };
        ensure!(
            card.learner == "zero-shot" && card.method == "zero_shot",
            "{card:?}"
        );
        check_card(card, &classes)?;
        ensure!(!page.text("elapsed").await?.is_empty(), "no time is given");

        let samples: usize = page
            .script(
                "return document.querySelectorAll('[data-testid=sample]').length",
                vec![],
            )
            .await?;
        ensure!(samples >= 2, "there are {samples} samples");
        let script = "[...document.querySelectorAll('[data-testid=sample]')].at(-1).click()";
        let second = page
            .answer_after(async || page.script(script, vec![]).await)
            .await?;
        ensure!(
            second.cards != first.cards,
            "another sample got the very same answer"
        );
        browser.save_screenshot("page-opens").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_page_answers_as_the_binary_does() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.answer_after(async || page.choose_file("learned-input", &fixture.learned).await)
            .await?;
        // The classes it was learned on, one less and one more; another template.
        page.answer_after(async || page.click("use-class-names").await)
            .await?;
        let script = "document.querySelector('[data-testid=class-chip] button').click()";
        page.answer_after(async || page.script(script, vec![]).await)
            .await?;
        let keys = format!("{EXTRA_CLASS}\n");
        page.answer_after(async || page.type_over("class-input", &keys).await)
            .await?;
        page.answer_after(async || page.type_over("template-input", TEMPLATE).await)
            .await?;

        let classes = page.class_names().await?;
        let template = page.template().await?;
        ensure!(
            classes.last().is_some_and(|last| last == EXTRA_CLASS),
            "classes {classes:?}"
        );
        ensure!(template == TEMPLATE, "the template is {template:?}");

        for (number, picture) in fixture.pictures.iter().enumerate() {
            let name = picture
                .file_name()
                .context("a picture without a name")?
                .to_string_lossy();
            let results = page
                .answer_after(async || match number {
                    0 => page.choose_file("image-input", picture).await,
                    _ => page.drop_file(&name, "", &fs::read(picture)?).await,
                })
                .await?;
            let native = native_rankings(fixture, picture, &classes, &template)?;
            let methods: Vec<&str> = results.cards.iter().map(|card| &card.method[..]).collect();
            ensure!(
                methods == ["zero_shot", "coop"],
                "the learners are {methods:?}"
            );
            for card in &results.cards {
                check_card(card, &classes)?;
                let native = native
                    .get(&card.method)
                    .context("not among the native rankings")?;
                for row in &card.rows {
                    let native = native
                        .get(&row.class)
                        .context("not among the native classes")?;
                    let difference = (row.probability - native).abs();
                    ensure!(
                        difference <= TOLERANCE,
                        "{name}, {}, {}: {} in the page, {native} natively",
                        card.method,
                        row.class,
                        row.probability
                    );
                }
            }
        }
        for (name, width, height, phone) in [
            ("page-desktop", 1280, 900, false),
            ("page-phone", 390, 844, true),
        ] {
            browser.set_viewport(width, height, phone).await?;
            page.show_from_the_top().await?;
            browser.save_screenshot(name).await?;
        }
        Ok(())
    })
    .await;
}

/// Probabilities of `clipwright classify`, by method and class.
fn native_rankings(
    fixture: &Fixture,
    picture: &Path,
    classes: &[String],
    template: &str,
) -> Result<HashMap<String, HashMap<String, f64>>> {
    let classes = classes.join(",");
    let arguments: [&Path; 11] = [
        "classify".as_ref(),
        "--json".as_ref(),
        "--model".as_ref(),
        "tiny".as_ref(),
        "--learned".as_ref(),
        &fixture.learned,
        "--classes".as_ref(),
        classes.as_ref(),
        "--template".as_ref(),
        template.as_ref(),
        picture,
    ];
    let answer = clipwright_json(&fixture.folder, arguments)?;
    let text = |value: &Value| {
        value
            .as_str()
            .map(str::to_string)
            .context("expected a text")
    };
    let mut rankings = HashMap::new();
    for ranking in answer[0]["rankings"].as_array().context("no rankings")? {
        let mut classes = HashMap::new();
        for class in ranking["classes"].as_array().context("no classes")? {
            let probability = class["probability"].as_f64().context("no probability")?;
            classes.insert(text(&class["class"])?, probability);
        }
        rankings.insert(text(&ranking["method"])?, classes);
    }
    Ok(rankings)
}

#[tokio::test]
async fn the_page_says_what_is_wrong_with_a_file() {
    let fixture = fixture().unwrap();
    let bring = |name: &str, bytes: &[u8]| -> Result<PathBuf> {
        let path = fixture.folder.join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    };
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        let before = page.first_answer().await?;

        let notes = bring("notes.png", b"These are notes, whatever the name says.")?;
        page.choose_file("image-input", &notes).await?;
        page.error_with("notes.png").await?;
        ensure!(
            page.results().await?.as_ref() == Some(&before),
            "the answer did not stay"
        );

        let foreign = bring("foreign.safetensors", &of_another_model(&fixture.learned)?)?;
        page.choose_file("learned-input", &foreign).await?;
        page.error_with("made for model").await?;
        ensure!(
            page.results().await?.as_ref() == Some(&before),
            "the answer did not stay"
        );
        page.show_from_the_top().await?;
        browser.save_screenshot("page-errors").await?;

        let whole = fs::read(&fixture.pictures[0])?;
        let cut = bring("cut.png", &whole[..whole.len() / 2])?;
        page.choose_file("image-input", &cut).await?;
        page.error_with("cut short").await?;

        // And it goes on.
        let good = &fixture.pictures[2];
        let after = page
            .answer_after(async || page.choose_file("image-input", good).await)
            .await?;
        ensure!(after.cards.len() == 1, "a refused file answers: {after:?}");
        check_card(&after.cards[0], &page.class_names().await?)
    })
    .await;
}

/// The bytes of a learned file, with the fingerprint of a model that is not ours.
fn of_another_model(learned: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(learned)?;
    let (length, rest) = bytes
        .split_first_chunk::<8>()
        .context("no safetensors file")?;
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: Value = serde_json::from_slice(header)?;
    let fingerprint = &mut header["__metadata__"]["model_fingerprint"];
    ensure!(fingerprint.is_string(), "the learned file names no model");
    *fingerprint = serde_json::to_string(&"0".repeat(64))?.into();
    let mut header = serde_json::to_vec(&header)?;
    // Tensors start at a multiple of eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes()[..], &header, tensors].concat())
}
