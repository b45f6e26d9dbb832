//! A course in the page's life: stopped and continued while the page answers, offered
//! again after a reload, and without room on the device.

use std::time::Duration;

use anyhow::{Context, ensure};
use clipwright_tests::{Browser, Page, PageServer};

use super::on_the_page;
use super::train::{Shown, course_until, photos_are_read, score, set_classes, shown, slide};

/// Photos of the example lesson.
const LESSON: usize = 72;

/// Epochs of a course that outlasts what is done beside it: the most that can be chosen.
const LONG: f64 = 200.0;

/// For what the page does behind the scenes.
const MOMENT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_course_is_stopped_and_continued_while_the_page_answers() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.click("tab-train").await?;
        browser.save_screenshot("train-empty").await?;
        page.click("train-lesson").await?;
        photos_are_read(page, LESSON).await?;
        page.click("train-begin").await?;
        course_until(page, "epochs are told", |it| it.epoch >= 2).await?;

        // Another tab and another image do not disturb it.
        page.click("tab-classify").await?;
        let script = "[...document.querySelectorAll('[data-testid=sample]')].at(-1).click()";
        page.answer_after(async || page.script(script, vec![]).await)
            .await?;
        page.click("tab-train").await?;
        let going = shown(page).await?;
        ensure!(going.state == "going", "{going:?}");
        course_until(page, "it goes on", |it| it.epoch > going.epoch).await?;
        page.script::<()>(
            "document.querySelector('[data-testid=train-course]').scrollIntoView()",
            vec![],
        )
        .await?;
        browser.save_screenshot("train-going").await?;

        page.click("train-stop").await?;
        let is_kept = |it: &Shown| it.state == "stopped" && it.kept == it.epoch;
        course_until(page, "it is kept", is_kept).await?;
        // An epoch that had ended by then may still be told.
        tokio::time::sleep(MOMENT).await;
        let stopped = course_until(page, "it rests, and is kept", is_kept).await?;
        tokio::time::sleep(MOMENT).await;
        ensure!(shown(page).await?.epoch == stopped.epoch, "it did not rest");
        page.click("train-continue").await?;
        let end = course_until(page, "it ends", |it| it.state == "finished").await?;
        let epochs: Vec<usize> = end
            .rows
            .iter()
            .rev()
            .map(|row| row[0].unwrap_or(-1.0) as usize)
            .collect();
        ensure!(
            epochs == (0..=50).collect::<Vec<_>>(),
            "each epoch once: {epochs:?}"
        );

        // It was worth it: by the photos that it has not learned from.
        let [before, after] = [
            score(page, "train-zero-shot-base")
                .await?
                .context("no score")?,
            score(page, "train-learned-base")
                .await?
                .context("no score")?,
        ];
        ensure!(after > before, "{before} by words alone, {after} learned");
        let new = score(page, "train-learned-new")
            .await?
            .context("no score")?;
        let mean = score(page, "train-learned-harmonic")
            .await?
            .context("no score")?;
        ensure!(
            (mean * (after + new) - 2.0 * after * new).abs() < 1e-9,
            "{mean}"
        );
        page.click("train-longer").await?;
        course_until(page, "it is longer", |it| it.epoch > 50).await?;
        page.click("train-stop").await?;
        for (name, width, height, phone) in [
            ("train-desktop", 1280, 2600, false),
            ("train-phone", 360, 5200, true),
        ] {
            browser.set_viewport(width, height, phone).await?;
            page.show_from_the_top().await?;
            let over: i32 = page
                .script(
                    "return document.documentElement.scrollWidth - innerWidth",
                    vec![],
                )
                .await?;
            ensure!(over <= 0, "{width} px: {over} px hang out");
            browser.save_screenshot(name).await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_reload_in_mid_training_offers_to_continue() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.click("tab-train").await?;
        page.click("train-lesson").await?;
        let can_begin = "!document.querySelector('[data-testid=train-begin]').disabled";
        page.wait_for("the photos are there", can_begin).await?;
        slide(page, "train-epochs", LONG).await?;
        page.click("train-begin").await?;
        let kept = course_until(page, "a record is kept", |it| it.kept >= 10).await?;
        tokio::time::sleep(MOMENT).await;

        // A second tab trains on its own: this one's record is not offered there.
        let url: String = page.script("return location.href", vec![]).await?;
        let first = browser.client.window().await?;
        let second = browser.client.new_window(true).await?;
        browser.client.switch_to_window(second.handle).await?;
        let other = Page::open(browser, &url).await?;
        other.click("tab-train").await?;
        other.click("train-lesson").await?;
        photos_are_read(&other, LESSON).await?;
        ensure!(
            other.text("train-offer").await?.is_empty(),
            "a record in use is offered"
        );
        browser.client.close_window().await?;
        browser.client.switch_to_window(first).await?;
        let going = shown(page).await?;
        ensure!(going.state == "going", "no longer in training: {going:?}");

        browser.client.refresh().await?;
        page.is_ready().await?;
        page.click("tab-train").await?;
        page.wait_until("the training is offered", async || {
            Ok(page
                .text("train-offer")
                .await?
                .contains("Continue the training of")
                .then_some(()))
        })
        .await?;
        browser.save_screenshot("train-offer").await?;
        page.click("train-offer-continue").await?;
        let restored = course_until(page, "it is restored", |it| it.state == "going").await?;
        ensure!(
            restored.kept >= kept.kept && restored.epoch >= restored.kept,
            "{restored:?}"
        );
        ensure!(restored.rows.len() == restored.epoch + 1, "{restored:?}");
        photos_are_read(page, LESSON).await?;
        course_until(page, "it goes on", |it| it.epoch > restored.epoch + 5).await?;
        page.click("train-stop").await?;
        course_until(page, "it rests", |it| {
            it.state == "stopped" && it.kept == it.epoch
        })
        .await?;
        tokio::time::sleep(MOMENT).await;

        // Discarded, it is not offered again.
        browser.client.refresh().await?;
        page.is_ready().await?;
        page.click("tab-train").await?;
        page.wait_until("the training is offered", async || {
            Ok((!page.text("train-offer").await?.is_empty()).then_some(()))
        })
        .await?;
        page.click("train-offer-discard").await?;
        tokio::time::sleep(MOMENT).await;
        browser.client.refresh().await?;
        page.is_ready().await?;
        page.click("tab-train").await?;
        tokio::time::sleep(MOMENT).await;
        ensure!(
            page.text("train-offer").await?.is_empty(),
            "a discarded one is offered"
        );
        Ok(())
    })
    .await;
}

/// A device without room, and a camera that films a colour.
const FULL_WITH_A_CAMERA: &str = "
    Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    navigator.mediaDevices.getUserMedia = async () => {
        const canvas = document.createElement('canvas');
        const context = canvas.getContext('2d');
        let turn = 0;
        setInterval(() => {
            context.fillStyle = `hsl(${(turn += 7)} 80% 50%)`;
            context.fillRect(0, 0, canvas.width, canvas.height);
        }, 40);
        return canvas.captureStream(25);
    };";

#[tokio::test]
async fn without_room_on_the_device_training_goes_on_and_the_webcam_fills_a_class() {
    let outcome = Browser::with(async |browser| {
        browser.before_each_document(FULL_WITH_A_CAMERA).await?;
        let server = PageServer::start().await?;
        let page = Page::open(browser, &server.url).await?;
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.click("tab-train").await?;
        set_classes(&page, &["red light", "blue light"]).await?;
        for index in 0..2 {
            page.click(&format!("train-webcam-{index}")).await?;
            let films = "document.querySelector('[data-testid=train-webcam] video')?.videoWidth";
            page.wait_for("the webcam films", films).await?;
            if index == 0 {
                browser.save_screenshot("train-webcam").await?;
            }
            page.click("train-burst").await?;
            photos_are_read(&page, 10 * (index + 1)).await?;
            page.click("train-webcam-close").await?;
        }
        slide(&page, "train-epochs", 10.0).await?;
        page.click("train-begin").await?;
        page.error_with("no room left").await?;
        course_until(&page, "it ends all the same", |it| it.state == "finished").await?;
        Ok(())
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}
