//! Augmentations in the page: the same crops and mixtures as the library's, with what it
//! says of them, and what the most confident say together.

use anyhow::{Context, Result, ensure};
use clipwright_shared::tuning::{Augmenter, Preset, view_seed};
use clipwright_tests::Page;
use fantoccini::key::Key;
use serde_json::json;

use super::views::{
    Library, Seen, check_seen, choose_learner, keys, library, open_room, press, press_in, seen,
};
use super::{TOLERANCE, fixture, on_the_page};

/// The page's own settings, with so many crops.
fn crops(crops: usize) -> Augmenter {
    let mut augmenter = Preset::Notebook.augmenter();
    if let Augmenter::Views { count, .. } = &mut augmenter {
        *count = crops;
    }
    augmenter
}

/// The rows of the two distributions: class, the image's, the mean.
async fn means(page: &Page<'_>) -> Result<Vec<(String, f64, f64)>> {
    let script = "return [...document.querySelectorAll('[data-testid=mean-row]')].map(row =>
        [row.dataset.class, Number(row.dataset.plain), Number(row.dataset.mean)])";
    page.script(script, vec![]).await
}

fn check_means(rows: &[(String, f64, f64)], library: &Library, share: f64) -> Result<()> {
    let trusted = library.trusted(share);
    ensure!(rows.is_sorted_by(|a, b| a.2 >= b.2), "not ranked: {rows:?}");
    ensure!(rows.len() == library.classes.len().min(6), "{rows:?}");
    for (class, plain, mean) in rows {
        let at = library.classes.iter().position(|known| known == class);
        let at = at.with_context(|| format!("a class {class}"))?;
        let said = |view: usize| library.views[view].probabilities[at];
        let sum: f64 = trusted.iter().map(|view| said(*view)).sum();
        for (got, expected) in [(*plain, said(0)), (*mean, sum / trusted.len() as f64)] {
            ensure!(
                (got - expected).abs() < TOLERANCE,
                "{class}: {got}, not {expected}"
            );
        }
    }
    Ok(())
}

fn order(seen: &Seen) -> Vec<usize> {
    seen.views.iter().map(|view| view.view).collect()
}

#[tokio::test]
async fn augmented_views_say_what_the_library_says() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        let (classes, first) = open_room(browser, page, fixture, "augment").await?;
        let expect = |augmenter: &Augmenter, seed: u64, learned: Option<&str>| {
            library(fixture, augmenter, view_seed(seed, 0), learned, &classes)
        };
        let expected = expect(&crops(23), 1, None)?;
        check_seen(&first, &expected, 0.1)?;
        check_means(&means(page).await?, &expected, 0.1)?;

        // Another seed by its button, then by typing.
        page.click("augment-new-seed").await?;
        let second = seen(page, "augment", &first.answers).await?;
        check_seen(&second, &expect(&crops(23), 2, None)?, 0.1)?;
        page.type_over("augment-seed", "7").await?;
        let third = seen(page, "augment", &second.answers).await?;
        let expected = expect(&crops(23), 7, None)?;
        check_seen(&third, &expected, 0.1)?;

        // The share and the order follow at once.
        press_in(browser, "augment-share", &keys(&Key::Right, 4)).await?;
        page.click("augment-sorted").await?;
        let sorted = seen(page, "augment", "").await?;
        ensure!(sorted.answers == third.answers, "the order asked anew");
        check_seen(&sorted, &expected, 0.3)?;
        check_means(&means(page).await?, &expected, 0.3)?;
        ensure!(
            order(&sorted) == expected.trusted(1.0),
            "{:?}",
            order(&sorted)
        );
        page.show_from_the_top().await?;
        browser.save_screenshot("augment-desktop").await?;

        // Every other control, by keyboard.
        press_in(browser, "augment-count", &keys(&Key::Left, 11)).await?;
        press_in(browser, "augment-flip", &[Key::End]).await?;
        press_in(browser, "augment-scale", &keys(&Key::Right, 10)).await?;
        press_in(browser, "augment-severity", &keys(&Key::Right, 4)).await?;
        press_in(browser, "augment-width", &keys(&Key::Left, 1)).await?;
        press_in(browser, "augment-depth", &keys(&Key::Right, 2)).await?;
        choose_learner(page, "augment", "learned").await?;
        let mut other = crops(12);
        if let Augmenter::Views { crop, augmix, .. } = &mut other {
            crop.flip = 1.0;
            crop.scale[0] = 0.28;
            let augmix = augmix.as_mut().context("not mixed")?;
            augmix.severity += 4;
            augmix.mixture_width -= 1;
            augmix.chain_depth = Some(2);
        }
        let mixed = settled(page, 13, &third.answers).await?;
        check_seen(&mixed, &expect(&other, 7, Some("learned"))?, 0.3)?;

        // And without AugMix, as the paper has it.
        page.click("augment-mixed").await?;
        let plain = seen(page, "augment", &mixed.answers).await?;
        if let Augmenter::Views { augmix, .. } = &mut other {
            *augmix = None;
        }
        let expected = expect(&other, 7, Some("learned"))?;
        check_seen(&plain, &expected, 0.3)?;
        check_means(&means(page).await?, &expected, 0.3)?;
        page.show_from_the_top().await?;
        browser.save_screenshot("augment-plain").await?;
        Ok(())
    })
    .await;
}

/// The answer that has so many views, when nothing more is asked.
async fn settled(page: &Page<'_>, views: usize, before: &str) -> Result<Seen> {
    let mut last = seen(page, "augment", before).await?;
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let now = seen(page, "augment", before).await?;
        if now.views.len() == views && now.answers == last.answers {
            return Ok(now);
        }
        last = now;
    }
    anyhow::bail!("it does not settle: {} views", last.views.len())
}

#[tokio::test]
async fn a_view_shows_where_it_comes_from() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.click("tab-augment").await?;
        let shown = seen(page, "augment", "").await?;
        let place = "const rect = document.querySelector('[data-testid=crop-place] .place-looked-at');
            return [rect, ...['x', 'y', 'width', 'height'].map(name => Number(rect.getAttribute(name)))].slice(1)";
        page.script::<()>("document.querySelector('[data-testid=view][tabindex=\"0\"]').focus()", vec![])
            .await?;
        press(browser, &[Key::Right, Key::Right, Key::Right]).await?;
        let got: [u32; 4] = page.script(place, vec![]).await?;
        ensure!(got == shown.views[3].source, "{got:?}; expected {:?}", shown.views[3]);
        // A row down and up again is where it was.
        press(browser, &[Key::Down]).await?;
        let below: [u32; 4] = page.script(place, vec![]).await?;
        ensure!(below != got, "the arrow leads nowhere");
        press(browser, &[Key::Up]).await?;
        let again: [u32; 4] = page.script(place, vec![]).await?;
        ensure!(again == got, "{again:?}; expected {got:?}");
        let words = "return document.querySelector('[data-testid=augment] .view-done').textContent";
        let words: String = page.script(words, vec![]).await?;
        ensure!(words.contains("mixed of") && words.contains("pixels"), "{words}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_phone_has_room_for_it() {
    on_the_page(async |browser, page| {
        browser.set_viewport(360, 780, true).await?;
        page.first_answer().await?;
        page.click("tab-augment").await?;
        seen(page, "augment", "").await?;
        let top = "document.querySelector(arguments[0]).scrollIntoView()";
        for (name, place) in [
            ("augment-phone-controls", "[data-testid=augment]"),
            ("augment-phone", "[data-testid=augment] .views-columns"),
            ("augment-phone-means", ".means"),
        ] {
            page.script::<()>(top, vec![json!(place)]).await?;
            browser.save_screenshot(name).await?;
        }
        let widths = "return [document.documentElement.scrollWidth, innerWidth]";
        let [content, window]: [f64; 2] = page.script(widths, vec![]).await?;
        ensure!(content <= window, "the page is {content} wide in {window}");
        Ok(())
    })
    .await;
}
