//! The page opens, answers as the binary does, and refuses what is no file for it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::binary::{Binary, same_rankings};
use super::{TOLERANCE, check_card, fixture, on_the_page};

/// The classes of the page that its pictures are ranked by.
const EXTRA_CLASS: &str = "something else";
const TEMPLATE: &str = "a picture of a {}.";

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

        let binary = Binary {
            folder: &fixture.folder,
            model: "tiny".as_ref(),
            learned: std::slice::from_ref(&fixture.learned),
            templates: &[template],
        };
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
            let native = binary.rankings(&classes, picture)?;
            let methods: Vec<&str> = results.cards.iter().map(|card| &card.method[..]).collect();
            ensure!(
                methods == ["zero_shot", "coop"],
                "{name}: the learners are {methods:?}"
            );
            same_rankings(&results.cards, &native, &classes, TOLERANCE)?;
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
