//! The guided tour, by keyboard alone, at a desk and on a phone.

use anyhow::{Result, ensure};
use clipwright_tests::{Browser, Page, accessibility_findings};
use serde::Deserialize;

use super::on_the_page;

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";
const STEPS: usize = 9;

/// The tour, as it is seen.
#[derive(Debug, Deserialize)]
struct Stop {
    step: usize,
    tab: String,
    /// Whether the focus is in the sheet.
    has_focus: bool,
    /// Whether what is pointed at can be seen beside the sheet.
    is_seen: bool,
    is_within: bool,
    scrolls_sideways: bool,
}

const STOP: &str = "
    const sheet = document.querySelector('[data-testid=tour-sheet]');
    const pointed = document.querySelectorAll('[data-pointed-at]');
    if (!sheet || pointed.length !== 1) return null;
    const box = sheet.getBoundingClientRect();
    const at = pointed[0].getBoundingClientRect();
    return {
        step: Number(sheet.dataset.step),
        tab: document.querySelector('[role=tab][aria-selected=true]').dataset.tab,
        has_focus: sheet.contains(document.activeElement),
        is_seen: at.height > 0 && at.bottom > 0 && Math.min(at.bottom, box.top) - Math.max(at.top, 0) >= 24,
        is_within: box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight,
        scrolls_sideways: document.scrollingElement.scrollWidth > innerWidth,
    };";

async fn stop(page: &Page<'_>, step: usize) -> Result<Stop> {
    page.wait_until(&format!("step {step} points at something"), async || {
        let stop: Option<Stop> = page.script(STOP, vec![]).await?;
        Ok(stop.filter(|stop| stop.step == step))
    })
    .await
}

async fn is_over(page: &Page<'_>) -> Result<()> {
    page.wait_until("the tour is over", async || {
        let script = "return !document.querySelector('[data-testid=tour-sheet], [data-pointed-at]')
            && document.activeElement.dataset.testid === 'tour'";
        let over: bool = page.script(script, vec![]).await?;
        Ok(over.then_some(()))
    })
    .await
}

async fn start(browser: &Browser, page: &Page<'_>) -> Result<()> {
    page.script::<()>(
        "document.querySelector('[data-testid=tour]').focus()",
        vec![],
    )
    .await?;
    browser.press(ENTER).await
}

#[tokio::test]
async fn every_step_shows_the_real_thing() {
    on_the_page(async |browser, page| {
        page.first_answer().await?;
        for (width, height, phone) in [(1280, 900, false), (360, 740, true)] {
            browser.set_viewport(width, height, phone).await?;
            start(browser, page).await?;
            let mut tabs = Vec::new();
            for step in 1..=STEPS {
                let stop = stop(page, step).await?;
                ensure!(
                    stop.has_focus && stop.is_seen && stop.is_within,
                    "{width} px: {stop:?}"
                );
                ensure!(!stop.scrolls_sideways, "{width} px: {stop:?}");
                if step % 3 == 0 {
                    browser
                        .save_screenshot(&format!("tour-{step}-{width}"))
                        .await?;
                }
                let findings = accessibility_findings(browser, page).await?;
                ensure!(findings.is_empty(), "step {step}: {findings:#?}");
                tabs.push(stop.tab);
                browser.press(RIGHT).await?;
            }
            is_over(page).await?;
            tabs.dedup();
            ensure!(
                tabs == ["classify", "patches", "augment", "tune", "train", "learned"],
                "{tabs:?}"
            );
            page.click("tab-classify").await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn it_can_be_left_and_leaves_nothing_behind() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        let before = page.template().await?;
        start(browser, page).await?;
        for step in 1..3 {
            stop(page, step).await?;
            browser.press(RIGHT).await?;
        }
        stop(page, 3).await?;
        // A template of the tour answers at once.
        let script = "document.querySelectorAll('[data-testid=tour-try]')[0].click()";
        page.answer_after(async || page.script(script, vec![]).await)
            .await?;
        ensure!(page.template().await? == "{}", "the template was not tried");
        page.script::<()>(
            "document.querySelector('[data-testid=tour-next]').focus()",
            vec![],
        )
        .await?;
        browser.press(LEFT).await?;
        stop(page, 2).await?;
        browser.press(ESCAPE).await?;
        is_over(page).await?;
        ensure!(
            page.template().await? == before,
            "the tour's template stayed"
        );
        // From the start again, and closed by its own button.
        start(browser, page).await?;
        stop(page, 1).await?;
        page.click("tour-close").await?;
        is_over(page).await
    })
    .await;
}
