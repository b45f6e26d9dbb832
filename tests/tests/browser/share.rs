//! A set-up in a link: written as things change, read as it is opened.

use anyhow::{Context, Result, ensure};
use clipwright_tests::{Page, Results};
use serde_json::json;

use super::on_the_page;

async fn fragment(page: &Page<'_>) -> Result<String> {
    page.script("return location.hash", vec![]).await
}

/// What a link is to carry over.
#[derive(Debug, PartialEq)]
struct Shown {
    tab: String,
    classes: Vec<String>,
    template: String,
}

async fn shown(page: &Page<'_>) -> Result<Shown> {
    let script = "return document.querySelector('[role=tab][aria-selected=true]').dataset.tab";
    Ok(Shown {
        tab: page.script(script, vec![]).await?,
        classes: page.class_names().await?,
        template: page.template().await?,
    })
}

async fn shows(page: &Page<'_>, expected: &Shown) -> Result<()> {
    page.wait_until(&format!("{expected:?}"), async || {
        Ok((shown(page).await? == *expected).then_some(()))
    })
    .await
}

/// Waits until a sample is the page's image; negative ones are counted from the last.
pub async fn sample_is_shown(page: &Page<'_>, at: i32) -> Result<()> {
    let sample = format!("[...document.querySelectorAll('[data-testid=sample]')].at({at})");
    let is_pressed = format!("{sample}?.getAttribute('aria-pressed') === 'true'");
    page.wait_for(&format!("sample {at} is shown"), &is_pressed)
        .await
}

/// The answer to the set-up that is shown.
async fn settled(page: &Page<'_>, classes: &[String]) -> Result<Results> {
    page.wait_until("an answer for the classes", async || {
        let fits = |results: &Results| {
            let mut rows: Vec<&str> = results.cards[0]
                .rows
                .iter()
                .map(|row| &row.class[..])
                .collect();
            let mut classes: Vec<&str> = classes.iter().map(String::as_str).collect();
            rows.sort_unstable();
            classes.sort_unstable();
            rows == classes
        };
        Ok(page.results().await?.filter(fits))
    })
    .await
}

#[tokio::test]
async fn a_link_opens_the_page_as_it_was_set_up() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        ensure!(
            fragment(page).await?.is_empty(),
            "a fresh page has something to share"
        );

        let sample = "document.querySelectorAll('[data-testid=sample]')[2].click()";
        page.answer_after(async || page.script(sample, vec![]).await)
            .await?;
        page.type_over("class-input", "Żółw & 50 % = #1?\n").await?;
        page.type_over("template-input", "a sketch of the {}.")
            .await?;
        let expected = Shown {
            tab: "classify".into(),
            ..shown(page).await?
        };
        let before = settled(page, &expected.classes).await?;
        page.click("tab-tune").await?;

        page.click("share").await?;
        let said = page
            .wait_until("the link is told of", async || {
                Ok(Some(page.text("share-said").await?).filter(|said| !said.is_empty()))
            })
            .await?;
        ensure!(said.contains("copied"), "{said}");
        browser.save_screenshot("page-share").await?;
        let script = "return document.querySelector('[data-testid=share-link]').value";
        let link: String = page.script(script, vec![]).await?;
        page.wait_until("the address is the link", async || {
            let address: String = page.script("return location.href", vec![]).await?;
            Ok((address == link).then_some(()))
        })
        .await?;
        // Escape closes, and the focus is back where it was.
        browser.press("\u{e00c}").await?;
        let script = "return document.getElementById('share-panel').hidden
            && document.activeElement.dataset.testid";
        let focus: serde_json::Value = page.script(script, vec![]).await?;
        ensure!(focus == json!("share"), "the focus is at {focus}");

        // Elsewhere: a page that knows nothing of this one.
        browser.client.goto("about:blank").await?;
        browser.client.goto(&link).await?;
        shows(
            page,
            &Shown {
                tab: "tune".into(),
                ..shown_of(&expected)
            },
        )
        .await?;
        page.click("tab-classify").await?;
        // Until the link's sample has come, the page shows its first one.
        sample_is_shown(page, 2).await?;
        let after = settled(page, &expected.classes).await?;
        ensure!(after.cards == before.cards, "{after:?} after {before:?}");
        Ok(())
    })
    .await;
}

fn shown_of(shown: &Shown) -> Shown {
    Shown {
        tab: shown.tab.clone(),
        classes: shown.classes.clone(),
        template: shown.template.clone(),
    }
}

#[tokio::test]
async fn a_changed_address_changes_the_page_and_a_broken_one_is_told_of() {
    on_the_page(async |browser, page| {
        page.first_answer().await?;
        let before = shown(page).await?;
        page.script::<()>(
            "location.hash = 'classes=red+heart,blue+star&template=%7B%7D&tab=patches'",
            vec![],
        )
        .await?;
        let changed = Shown {
            tab: "patches".into(),
            classes: vec!["red heart".into(), "blue star".into()],
            template: "{}".into(),
        };
        shows(page, &changed).await?;

        // An anchor is no set-up, and what makes no sense changes nothing.
        page.script::<()>("location.hash = 'results'", vec![])
            .await?;
        page.script::<()>(
            "location.hash = 'tab=nowhere&classes=%FF&tune.steps=1e9&of.another.time=1'",
            vec![],
        )
        .await?;
        let told = page.error_with("of the link were left out").await?;
        for part in ["no tab nowhere", "classes", "tune.steps"] {
            ensure!(told.contains(part), "{part} is not in {told}");
        }
        ensure!(!told.contains("another"), "{told}");
        shows(page, &changed).await?;
        ensure!(before != changed, "nothing was changed");
        // Files stay where they are; their names are told of, as text.
        let learned = "location.hash = 'learned=coop.safetensors,%3Cb%3Elora'";
        page.script::<()>(learned, vec![]).await?;
        page.error_with("used learned files: coop.safetensors, <b>lora")
            .await?;
        let long = "location.hash = 'classes=' + 'x'.repeat(1e6)";
        page.script::<()>(long, vec![]).await?;
        page.error_with("bytes long").await?;
        shows(page, &changed).await?;
        browser
            .save_screenshot("page-broken-link")
            .await
            .context("no picture")?;
        Ok(())
    })
    .await;
}
