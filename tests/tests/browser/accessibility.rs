//! Everybody can use the page: every tab, both themes, at a desk and on a phone.

use anyhow::{Result, ensure};
use clipwright_tests::{Browser, Page, accessibility_findings, walk_by_keyboard};
use serde_json::json;

use super::on_the_page;

const TABS: [&str; 6] = ["classify", "patches", "augment", "tune", "train", "learned"];
const SIZES: [(u32, u32, bool); 3] = [(1280, 900, false), (768, 1024, true), (360, 740, true)];

async fn open_tab(page: &Page<'_>, tab: &str) -> Result<()> {
    page.click(&format!("tab-{tab}")).await?;
    page.wait_until("the room is open and quiet", async || {
        let script = "
            const room = document.querySelector(`[data-testid=room-${arguments[0]}]`);
            return room !== null && !room.querySelector('[aria-busy=true]');";
        let is_open: bool = page.script(script, vec![json!(tab)]).await?;
        Ok(is_open.then_some(()))
    })
    .await
}

async fn choose_theme(page: &Page<'_>, theme: &str) -> Result<()> {
    let script = "document.documentElement.dataset.themeChoice = arguments[0]";
    page.script::<()>(script, vec![json!(theme)]).await?;
    page.wait_until("the theme is shown", async || {
        let script = "return document.documentElement.dataset.theme";
        let shown: String = page.script(script, vec![]).await?;
        Ok((shown == theme).then_some(()))
    })
    .await
}

#[tokio::test]
async fn nothing_keeps_anybody_from_using_a_tab() {
    on_the_page(async |browser, page| {
        page.first_answer().await?;
        let mut findings = Vec::new();
        for (width, height, phone) in SIZES {
            browser.set_viewport(width, height, phone).await?;
            for theme in ["light", "dark"] {
                choose_theme(page, theme).await?;
                for tab in TABS {
                    open_tab(page, tab).await?;
                    for finding in accessibility_findings(browser, page).await? {
                        findings.push(format!("{tab}, {theme}, {width} px: {finding}"));
                    }
                }
            }
        }
        ensure!(findings.is_empty(), "{}", findings.join("\n"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_goes_everywhere_and_is_seen() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        let mut findings = Vec::new();
        for tab in TABS {
            open_tab(page, tab).await?;
            for finding in walk_by_keyboard(browser, page).await? {
                findings.push(format!("{tab}: {finding}"));
            }
            let missed: Vec<String> = page.script(MISSED, vec![]).await?;
            findings.extend(
                missed
                    .iter()
                    .map(|missed| format!("{tab}: 2.1.1: never reached: {missed}")),
            );
        }
        ensure!(findings.is_empty(), "{}", findings.join("\n"));
        Ok(())
    })
    .await;
}

/// What can be used but was not come by; of radio buttons and tabs one stands for all.
const MISSED: &str = "
    const used = 'a[href], button, input:not([type=hidden]), select, textarea, [tabindex=\"0\"]';
    return [...document.querySelectorAll(used)]
        .filter((element) => element.checkVisibility({ checkVisibilityCSS: true }))
        .filter((element) => !element.disabled && element.tabIndex >= 0)
        .filter((element) => element.type !== 'radio' && !element.closest('[inert]'))
        .filter((element) => !window.walked.has(element))
        .map((element) => element.outerHTML.slice(0, 120));";

/// The check sees what it is for: each breach is put into the page and must be found.
#[tokio::test]
async fn breaches_are_found() {
    on_the_page(async |browser, page| {
        page.first_answer().await?;
        for (breach, expected) in [
            ("<img>", "1.1.1"),
            ("<canvas width=9 height=9></canvas>", "1.1.1"),
            ("<h5>far down</h5>", "1.3.1"),
            ("<p id='results'>twice</p>", "4.1.2"),
            ("<p aria-describedby='nobody'>x</p>", "4.1.2"),
            ("<p role='knob'>x</p>", "4.1.2"),
            ("<span role='checkbox'>x</span>", "4.1.2"),
            ("<div aria-hidden='true'><button>x</button></div>", "4.1.2"),
            ("<input type='text'>", "3.3.2"),
            ("<button></button>", "4.1.2: a button without a name"),
            ("<p tabindex='3'>x</p>", "2.4.3"),
            (
                "<p class='help'><button class='quiet is-small'>x</button></p>",
                "2.5.8",
            ),
            ("<p class='is-faint'>hardly seen</p>", "1.4.3"),
            ("<p class='is-wide'>x</p>", "1.4.10"),
            ("<ul><p>x</p></ul>", "1.3.1"),
        ] {
            ensure!(
                of(browser, page, expected).await? == 0,
                "{expected} before {breach}"
            );
            put(page, breach).await?;
            ensure!(
                of(browser, page, expected).await? > 0,
                "{expected} is not found for {breach}"
            );
            put(page, "").await?;
        }
        Ok(())
    })
    .await;
}

/// Findings that start so.
async fn of(browser: &Browser, page: &Page<'_>, start: &str) -> Result<usize> {
    let findings = accessibility_findings(browser, page).await?;
    Ok(findings
        .iter()
        .filter(|finding| finding.starts_with(start))
        .count())
}

/// Puts `html` at the end of the page, in place of what was put there before.
async fn put(page: &Page<'_>, html: &str) -> Result<()> {
    let script = "
        document.getElementById('breach')?.remove();
        if (arguments[0]) {
            const place = document.createElement('div');
            place.id = 'breach';
            place.innerHTML = arguments[0];
            const style = (selector, values) =>
                place.querySelectorAll(selector).forEach((one) => Object.assign(one.style, values));
            style('.is-faint', { color: '#aaaaaa', background: '#ffffff' });
            style('.is-wide', { width: '9999px' });
            style('.is-small', { width: '9px', height: '9px', padding: 0 });
            document.querySelector('main').append(place);
        }";
    page.script(script, vec![json!(html)]).await
}
