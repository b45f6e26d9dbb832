//! Patches in the page: they say what the library says of them, a place and its patch
//! point at each other, and the mouse is not needed.

use anyhow::{Context, Result, ensure};
use clipwright_shared::tuning::Augmenter;
use clipwright_tests::Page;
use serde::Deserialize;
use serde_json::json;

use super::views::{
    ANSWERED, Library, Seen, check_seen, choose, choose_learner, keys, library, open_room, press,
    press_in, seen,
};
use super::{TOLERANCE, fixture, on_the_page};
use fantoccini::key::Key;

/// The rectangles of the heat map: left, top, width, height, opacity.
async fn heat(page: &Page<'_>) -> Result<Vec<[f64; 5]>> {
    let script = "
        const number = (rect, name) => Number(rect.getAttribute(name));
        return [...document.querySelectorAll('[data-testid=heat] rect')].map(rect =>
            ['x', 'y', 'width', 'height', 'fill-opacity'].map(name => number(rect, name)));";
    page.script(script, vec![]).await
}

fn patches(along: usize, overlap: f64) -> Augmenter {
    Augmenter::Patches {
        patches: along * along,
        overlap,
        n_aug: 0,
        augmix: None,
    }
}

/// How probable `class` is at a place: the mean of the patches that cover it.
fn heat_at(library: &Library, class: usize, [x, y]: [f64; 2]) -> Option<f64> {
    let covering = library.views.iter().skip(1).filter(|view| {
        let [left, top, width, height] = view.source.map(f64::from);
        (left..left + width).contains(&x) && (top..top + height).contains(&y)
    });
    let said: Vec<f64> = covering.map(|view| view.probabilities[class]).collect();
    let mean = said.iter().sum::<f64>() / said.len() as f64;
    (!said.is_empty()).then_some(mean)
}

#[tokio::test]
async fn patches_say_what_the_library_says() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        let (classes, first) = open_room(browser, page, fixture, "patches").await?;
        let expected = library(fixture, &patches(4, 0.4), 0, None, &classes)?;
        check_seen(&first, &expected, 0.1)?;

        // Another grid, by keyboard; then another learner.
        press_in(browser, "patches-grid", &keys(&Key::Left, 1)).await?;
        let smaller = seen(page, "patches", &first.answers).await?;
        press_in(browser, "patches-overlap", &[Key::Home]).await?;
        let plain = seen(page, "patches", &smaller.answers).await?;
        let expected = library(fixture, &patches(3, 0.0), 0, None, &classes)?;
        check_seen(&plain, &expected, 0.1)?;
        choose_learner(page, "patches", "learned").await?;
        let learned = seen(page, "patches", &plain.answers).await?;
        let expected = library(fixture, &patches(3, 0.0), 0, Some("learned"), &classes)?;
        check_seen(&learned, &expected, 0.1)?;

        // The share follows at once, without another question.
        press_in(browser, "patches-share", &keys(&Key::Right, 6)).await?;
        let shared = seen(page, "patches", "").await?;
        ensure!(shared.answers == learned.answers, "the share asked anew");
        check_seen(&shared, &expected, 0.4)?;

        // The heat of any class, with places that several patches cover.
        press_in(browser, "patches-overlap", &keys(&Key::Right, 8)).await?;
        let asked = seen(page, "patches", &shared.answers).await?;
        let expected = library(fixture, &patches(3, 0.4), 0, Some("learned"), &classes)?;
        check_seen(&asked, &expected, 0.4)?;
        for class in [0, classes.len() - 1] {
            choose(browser, "patches-class", &classes[class]).await?;
            let drawn = heat(page).await?;
            ensure!(drawn.len() > 9, "{} parts of heat", drawn.len());
            for [left, top, width, height, opacity] in drawn {
                let middle = [left + width / 2.0, top + height / 2.0];
                let expected = heat_at(&expected, class, middle).context("nobody covers it")?;
                let off = (opacity - expected).abs();
                ensure!(
                    off < TOLERANCE,
                    "{} at {middle:?}: {opacity}, not {expected}",
                    classes[class]
                );
            }
        }
        page.show_from_the_top().await?;
        browser.save_screenshot("patches-desktop").await?;
        Ok(())
    })
    .await;
}

/// What is pointed at, in the patches, on the image and in what is looked at closely.
#[derive(Debug, PartialEq, Deserialize)]
struct PointedAt {
    cell: Vec<String>,
    place: Vec<String>,
    closely: String,
    /// The place's frame in pixels of the screen, within the image's.
    frame: [f64; 4],
    picture: [f64; 4],
}

async fn pointed_at(page: &Page<'_>) -> Result<PointedAt> {
    let script = "
        const views = selector => [...document.querySelectorAll(selector)].map(e => e.dataset.view);
        const box = selector => {
            const box = document.querySelector(selector)?.getBoundingClientRect();
            return box ? [box.left, box.top, box.width, box.height] : [0, 0, 0, 0];
        };
        return {
            cell: views('[data-testid=view][data-pointed=true]'),
            place: views('[data-testid=place][aria-pressed=true]'),
            closely: document.querySelector('[data-testid=view-detail]').dataset.view,
            frame: box('.place-looked-at'),
            picture: box('.source-picture'),
        };";
    page.script(script, vec![]).await
}

#[tokio::test]
async fn a_place_and_its_patch_point_at_each_other() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 1400, false).await?;
        page.first_answer().await?;
        page.answer_after(async || page.choose_file("image-input", &fixture.pictures[1]).await)
            .await?;
        page.click("tab-patches").await?;
        let before = seen(page, "patches", "").await?;
        press_in(browser, "patches-overlap", &[Key::Home]).await?;
        let shown = seen(page, "patches", &before.answers).await?;

        let over = "document.querySelectorAll(`[data-testid=${arguments[0]}][data-view='${arguments[1]}']`)[0]
            .dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))";
        for (from, view) in [("view", 6), ("place", 11)] {
            page.script::<()>(over, vec![json!(from), json!(view)]).await?;
            let expected = vec![view.to_string()];
            let pointed = page.wait_until("it is pointed at", async || {
                let pointed = pointed_at(page).await?;
                Ok((pointed.cell == expected).then_some(pointed))
            })
            .await?;
            ensure!(
                pointed.place == expected && pointed.closely == expected[0],
                "{from} {view}: {pointed:?}"
            );
            check_frame(&pointed, shown.views[view].source)?;
        }

        // By keyboard: the arrows lead from patch to patch, in both.
        page.script::<()>("document.querySelector('[data-testid=view][tabindex=\"0\"]').focus()", vec![])
            .await?;
        press(browser, &[Key::Down, Key::Down, Key::Right]).await?;
        let at = |pointed: &PointedAt| pointed.closely.clone();
        page.script::<()>(
            "document.querySelectorAll('[data-testid=view]').forEach(view =>
                view.dispatchEvent(new MouseEvent('mouseout', { bubbles: true })))",
            vec![],
        )
        .await?;
        let pointed = pointed_at(page).await?;
        ensure!(at(&pointed) == "6", "two down and one right: {pointed:?}");
        page.script::<()>("document.querySelector('[data-testid=place][tabindex=\"0\"]').focus()", vec![])
            .await?;
        press(browser, &[Key::Left, Key::Up]).await?;
        let pointed = pointed_at(page).await?;
        ensure!(at(&pointed) == "1" && pointed.cell == ["1"], "{pointed:?}");
        press(browser, &[Key::End]).await?;
        ensure!(at(&pointed_at(page).await?) == "16", "the last one");
        let stops = "return ['view', 'place'].map(id => document.querySelectorAll(
            `[data-testid=${id}][tabindex=\"0\"]`).length)";
        let stops: [usize; 2] = page.script(stops, vec![]).await?;
        ensure!(stops == [1, 1], "{stops:?} stops of the Tab key");
        Ok(())
    })
    .await;
}

/// The frame on the screen is where the patch lies in the picture, which is fitted into
/// a square.
fn check_frame(pointed: &PointedAt, source: [u32; 4]) -> Result<()> {
    let (width, height) = (301.0, 200.0);
    let [left, top, side, other] = pointed.picture;
    let scale = (side / width).min(other / height);
    let margin = [(side - scale * width) / 2.0, (other - scale * height) / 2.0];
    let [x, y, wide, high] = source.map(f64::from);
    let expected = [
        left + margin[0] + scale * x,
        top + margin[1] + scale * y,
        scale * wide,
        scale * high,
    ];
    for (got, expected) in pointed.frame.iter().zip(expected) {
        // The line itself has a width.
        ensure!(
            (got - expected).abs() < 4.0,
            "{pointed:?}; expected {expected:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn patches_wait_for_classes_and_can_be_stopped() {
    on_the_page(async |browser, page| {
        browser.set_viewport(360, 780, true).await?;
        page.first_answer().await?;
        page.click("tab-patches").await?;
        let first = seen(page, "patches", "").await?;
        browser.save_screenshot("patches-phone-top").await?;
        page.script::<()>(
            "document.querySelector('.views-columns').scrollIntoView()",
            vec![],
        )
        .await?;
        browser.save_screenshot("patches-phone").await?;
        let widths = "return [document.documentElement.scrollWidth, innerWidth]";
        let [content, window]: [f64; 2] = page.script(widths, vec![]).await?;
        ensure!(content <= window, "the page is {content} wide in {window}");

        // Of eight by eight there is time to stop.
        let script = "
            const slider = document.querySelector('[data-testid=patches-grid]');
            slider.value = 8;
            slider.dispatchEvent(new InputEvent('input', { bubbles: true }));
            const stop = () => {
                const button = document.querySelector('[data-testid=patches] [data-testid=cancel]');
                if (button.disabled) setTimeout(stop, 2); else button.click();
            };
            stop();";
        page.script::<()>(script, vec![]).await?;
        page.wait_until("it is stopped", async || {
            let text = page.text("work-strip").await?;
            Ok(text.contains("stopped").then_some(()))
        })
        .await?;
        let still: Seen = page.script(ANSWERED, vec![json!("patches")]).await?;
        ensure!(
            still.answers == first.answers && still.views.len() == 17,
            "the answer did not stay"
        );
        page.click("patches-again").await?;
        let more = seen(page, "patches", &first.answers).await?;
        ensure!(more.views.len() == 65, "{} views", more.views.len());
        page.script::<()>(
            "document.querySelector('.patch-scroll').scrollIntoView()",
            vec![],
        )
        .await?;
        browser.save_screenshot("patches-phone-many").await?;
        let [content, window]: [f64; 2] = page.script(widths, vec![]).await?;
        ensure!(content <= window, "the page is {content} wide in {window}");

        browser.set_viewport(1280, 900, false).await?;
        page.show_from_the_top().await?;
        browser.save_screenshot("patches-many").await?;
        let remove = "const chips = document.querySelectorAll('[data-testid=class-chip] .remove');
            chips[0].click(); return chips.length;";
        while page.script::<usize>(remove, vec![]).await? > 2 {}
        page.error_with("expected at least two").await?;
        browser.save_screenshot("patches-without-classes").await?;
        Ok(())
    })
    .await;
}
