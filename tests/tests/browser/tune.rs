//! Test-time tuning in the page: it comes to what the library and the binary come to,
//! step by step, and can be stopped.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::clip::normalise;
use clipwright_shared::learners::{
    ClassTokenPosition, ContextInit, Coop, CoopSettings, Learner, PromptTokens,
};
use clipwright_shared::ops::softmax;
use clipwright_shared::tuning::{Preset, Tuned, Tuner, TuningSettings, view_seed};
use clipwright_shared::views;
use clipwright_tests::{Page, clipwright_json, repository_root};
use fantoccini::key::Key;
use serde::Deserialize;
use serde_json::json;

use super::views::{choose, press_in};
use super::{TOLERANCE, fixture, on_the_page};

/// The template that says what the binary starts from by itself.
const TEMPLATE: &str = "a photo of a {}.";
const WORDS: &str = "a photo of a";

/// A seed that is not the page's own.
const SEED: u64 = 11;

/// What the page shows of a tuning.
#[derive(Debug, Deserialize)]
struct Shown {
    answers: String,
    step: usize,
    steps: usize,
    /// Class by class.
    before: HashMap<String, f64>,
    now: HashMap<String, f64>,
    losses: Vec<f64>,
    moved: Vec<f64>,
    views: usize,
    counted: usize,
}

const SHOWN: &str = "
    const result = document.querySelector('[data-testid=tune-result]');
    if (!result || result.dataset.going !== 'false') return null;
    // A page with much to draw lets others in before its lists have followed.
    if (result.querySelector('ol[data-step]')?.dataset.step !== result.dataset.step) return null;
    const rows = [...result.querySelectorAll('[data-testid=tune-row]')];
    const numbers = (id, key) =>
        result.querySelector(`[data-testid=${id}]`).dataset[key].split(' ').map(Number);
    const by = key => Object.fromEntries(rows.map(row => [row.dataset.class, Number(row.dataset[key])]));
    return {
        answers: result.dataset.answers,
        step: Number(result.dataset.step),
        steps: Number(result.dataset.steps),
        before: by('before'),
        now: by('now'),
        losses: numbers('tune-loss-line', 'losses'),
        moved: numbers('tune-moved', 'moved'),
        views: result.querySelectorAll('[data-testid=tune-view]').length,
        counted: Number(result.querySelector('[data-testid=tune-counted]').dataset.counted),
    };";

/// A tuning that the page shows, once `fits`.
async fn shown(page: &Page<'_>, what: &str, fits: impl Fn(&Shown) -> bool) -> Result<Shown> {
    page.wait_until(what, async || {
        let shown: Option<Shown> = page.script(SHOWN, vec![]).await?;
        Ok(shown.filter(|shown| fits(shown)))
    })
    .await
}

/// One way of tuning, as it is chosen in the page.
struct Case {
    preset: Preset,
    steps: usize,
    is_learned: bool,
}

/// The same by the library: the distributions before and after.
fn by_the_library(
    case: &Case,
    picture: &Path,
    learned: &Path,
    classes: &[String],
) -> Result<(Tuned, [Vec<f32>; 2])> {
    let model = std::fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let mut session = Session::from_bytes(&model, &Device::Cpu)?;
    let coop = match case.is_learned {
        true => {
            session.add_learned("learned", &std::fs::read(learned)?)?;
            match session.learner("learned")? {
                Learner::Coop(coop) => coop.for_classes(classes)?,
                other => anyhow::bail!("a learned {}", other.method().title()),
            }
        }
        false => {
            let settings = CoopSettings {
                n_ctx: 1,
                class_specific: false,
                position: ClassTokenPosition::End,
                init: ContextInit::Words(WORDS.into()),
            };
            Coop::new(&session.clip, &session.tokenizer, classes, &settings)?
        }
    };
    let augmenter = case.preset.augmenter();
    let settings = TuningSettings {
        loss: case.preset.loss(),
        layout: augmenter.layout(),
        steps: case.steps,
        ..TuningSettings::default()
    };
    let tokens = PromptTokens::new(&session.tokenizer, classes);
    let tuner = Tuner::new(&session.clip, &coop, &tokens, settings)?;
    let image = views::decode(&std::fs::read(picture)?)?.into_rgb();
    let side = session.clip.config.image.side as u32;
    let views = augmenter.views(&image, side, view_seed(SEED, 0))?;
    let views: Vec<_> = views.into_iter().map(|view| view.pixels).collect();
    let features = session.clip.image.forward(&session.pixels(&views)?)?;
    let tuned = tuner.tune(&normalise(&features)?)?;
    let distribution = |logits: &[f32]| -> Result<Vec<f32>> {
        let logits = Tensor::new(logits, &Device::Cpu)?;
        Ok(softmax(&logits)?.to_vec1()?)
    };
    let both = [distribution(&tuned.base)?, distribution(&tuned.tuned)?];
    Ok((tuned, both))
}

/// What `clipwright tune` says of the best class before and after.
fn by_the_binary(
    case: &Case,
    folder: &Path,
    picture: &Path,
    learned: &Path,
    classes: &[String],
) -> Result<[f64; 2]> {
    let out = format!("tuned-{}-{}", case.preset.name(), case.steps);
    let mut line: Vec<String> = [
        "tune",
        "--model",
        "tiny",
        "--json",
        "--overwrite",
        "--pages",
        "0",
        "--out",
        &out,
        "--preset",
        case.preset.name(),
        "--steps",
        &case.steps.to_string(),
        "--seed",
        &SEED.to_string(),
        "--classes",
        &classes.join(","),
    ]
    .map(String::from)
    .to_vec();
    let path = |path: &Path| path.to_str().context("no UTF-8").map(String::from);
    if case.is_learned {
        line.extend(["--learned".into(), path(learned)?]);
    }
    line.push(path(picture)?);
    let answer = clipwright_json(folder, line)?;
    let sample = &answer["samples"][0];
    let number = |key: &str| sample[key].as_f64().with_context(|| format!("{answer}"));
    Ok([number("base_confidence")?, number("tuned_confidence")?])
}

#[tokio::test]
async fn tuning_in_the_page_comes_to_the_librarys_and_the_binarys_numbers() {
    let fixture = fixture().unwrap();
    let (picture, learned) = (&fixture.pictures[1], &fixture.learned);
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.type_over("template-input", TEMPLATE).await?;
        page.answer_after(async || page.choose_file("learned-input", learned).await)
            .await?;
        page.answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        let classes = page.class_names().await?;
        page.click("tab-tune").await?;
        page.type_over("tune-seed", &SEED.to_string()).await?;
        let mut answers = String::new();
        for case in [
            Case {
                preset: Preset::Notebook,
                steps: 3,
                is_learned: false,
            },
            Case {
                preset: Preset::Patches,
                steps: 1,
                is_learned: false,
            },
            Case {
                preset: Preset::OverlapHard1,
                steps: 2,
                is_learned: true,
            },
        ] {
            let what = format!("{}, {} steps", case.preset.name(), case.steps);
            choose(browser, "tune-preset", case.preset.name()).await?;
            press_in(browser, "tune-steps", &[Key::Home]).await?;
            press_in(browser, "tune-steps", &vec![Key::Right; case.steps - 1]).await?;
            if case.is_learned {
                let value = "return [...document.querySelectorAll(
                    '[data-testid=tune-start-from] option')].at(-1).value";
                let name: String = page.script(value, vec![]).await?;
                choose(browser, "tune-start-from", &name).await?;
            }
            page.click("tune-start").await?;
            let seen = shown(page, &what, |shown| shown.answers != answers).await?;
            answers = seen.answers.clone();

            let (tuned, [before, after]) = by_the_library(&case, picture, learned, &classes)?;
            ensure!(
                seen.steps == case.steps && seen.step == case.steps,
                "{what}: {seen:?}"
            );
            for (at, class) in classes.iter().enumerate() {
                for (when, got, expected) in [
                    ("before", seen.before[class], before[at]),
                    ("after", seen.now[class], after[at]),
                ] {
                    let off = (got - f64::from(expected)).abs();
                    ensure!(
                        off < TOLERANCE,
                        "{what}: {class} {when} {got}; expected {expected}; {:?} and {:?}, \
                         {before:?} {after:?} in {seen:?}",
                        tuned.losses,
                        tuned.moved,
                    );
                }
            }
            ensure!(seen.losses.len() == case.steps + 1, "{what}: {seen:?}");
            for (got, expected) in seen.losses.iter().zip(&tuned.losses) {
                ensure!(
                    (got - f64::from(*expected)).abs() < 1e-3,
                    "{what}: {seen:?}"
                );
            }
            ensure!(seen.losses[0] > seen.losses[case.steps], "{what}: {seen:?}");
            for (got, expected) in seen.moved.iter().zip(&tuned.moved) {
                ensure!(
                    (got - f64::from(*expected)).abs() < 1e-3,
                    "{what}: {seen:?}"
                );
            }
            let best = |shares: &HashMap<String, f64>| shares.values().copied().fold(0.0, f64::max);
            let [base, now] = by_the_binary(&case, &fixture.folder, picture, learned, &classes)?;
            ensure!(
                (best(&seen.before) - base).abs() < TOLERANCE,
                "{what}: {base}"
            );
            ensure!((best(&seen.now) - now).abs() < TOLERANCE, "{what}: {now}");
            browser
                .save_screenshot(&format!("tune-{}", case.preset.name()))
                .await?;

            // Back to the start and on again, with the keyboard alone.
            press_in(browser, "tune-step", &[Key::Home]).await?;
            let start = shown(page, "the start", |shown| shown.step == 0).await?;
            ensure!(start.now == seen.before, "{what}: {start:?}");
            let counted = tuned.views.iter().filter(|view| view.is_selected).count();
            ensure!(
                start.counted == counted,
                "{what}: {} counted",
                start.counted
            );
            press_in(browser, "tune-step", &[Key::End]).await?;
            shown(page, "the end", |shown| shown.now == seen.now).await?;
        }
        page.click("tune-all-views").await?;
        shown(page, "all views", |shown| shown.views == 85).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn tuning_is_stopped_and_what_cannot_work_is_told() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.click("tab-tune").await?;
        let is_refused = "return document.querySelector(
            '[data-testid=tune-loss] option[value=patch_loss1]').disabled";
        let is_refused: bool = page.script(is_refused, vec![]).await?;
        ensure!(is_refused, "crops are no patches");
        press_in(browser, "tune-count", &[Key::End]).await?;
        press_in(browser, "tune-steps", &[Key::End]).await?;
        page.click("tune-start").await?;
        page.wait_until("views are counted", async || {
            let text = page.text("work-strip").await?;
            Ok(text.contains("of 138 views and steps").then_some(()))
        })
        .await?;
        page.click("cancel").await?;
        page.wait_until("it has stopped", async || {
            Ok(page
                .text("work-strip")
                .await?
                .contains("stopped")
                .then_some(()))
        })
        .await?;
        let none: Option<Shown> = page.script(SHOWN, vec![]).await?;
        ensure!(none.is_none(), "nothing was tuned: {none:?}");

        choose(browser, "tune-preset", "patches").await?;
        page.click("tune-crops").await?;
        page.error_with("number of patches is 0").await?;
        let disabled = "return document.querySelector(arguments[0]).disabled";
        let start = vec![json!("[data-testid=tune-start]")];
        let disabled: bool = page.script(disabled, start).await?;
        ensure!(disabled, "it can be started");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_room_fits_a_phone() {
    on_the_page(async |browser, page| {
        browser.set_viewport(360, 780, true).await?;
        page.first_answer().await?;
        page.click("tab-tune").await?;
        let overflow = "return document.scrollingElement.scrollWidth - innerWidth";
        for (name, is_tuned) in [("tune-phone-empty", false), ("tune-phone", true)] {
            if is_tuned {
                choose(browser, "tune-preset", "tpt").await?;
                page.click("tune-start").await?;
                shown(page, "it is tuned", |_| true).await?;
            }
            let script = "document.querySelector(arguments[0]).scrollIntoView()";
            let top = if is_tuned {
                "[data-testid=tune-result]"
            } else {
                "[data-testid=tune]"
            };
            page.script::<()>(script, vec![json!(top)]).await?;
            browser.save_screenshot(name).await?;
            let over: f64 = page.script(overflow, vec![]).await?;
            ensure!(over <= 0.0, "{name}: {over} pixels too wide");
        }
        Ok(())
    })
    .await;
}
