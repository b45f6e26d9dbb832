//! What was learned: words, norms, matrices and places in the page are those of the
//! binary and of the library, for learned files of every kind.

#[path = "learned/kinds.rs"]
mod kinds;
#[path = "learned/native.rs"]
mod native;
#[path = "learned/shown.rs"]
mod shown;

use std::fs;

use anyhow::{Context, Result, ensure};
use clipwright_tests::{Browser, Page};
use serde_json::{Value, json};

use self::kinds::{Kind, kinds};
use self::native::{by_the_library, check_explained};
use self::shown::{Point, Shown, bring, click, shown};
use super::{TOLERANCE, fixture, on_the_page};

/// Arrow keys, as WebDriver names them.
const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";
const DOWN: &str = "\u{e015}";

async fn focus(page: &Page<'_>, selector: &str) -> Result<()> {
    let script = "document.querySelector(arguments[0]).focus()";
    page.script::<Value>(script, vec![json!(selector)]).await?;
    Ok(())
}

/// A picture as large as everything there is to see.
async fn picture_of_all(browser: &Browser, page: &Page<'_>, width: u32, name: &str) -> Result<()> {
    browser.set_viewport(width, 800, width < 700).await?;
    page.show_from_the_top().await?;
    let height: u32 = page
        .script("return document.documentElement.scrollHeight", vec![])
        .await?;
    browser
        .set_viewport(width, height.min(6000), width < 700)
        .await?;
    browser.save_screenshot(name).await?;
    let wide: bool = page
        .script(
            "return document.documentElement.scrollWidth > window.innerWidth + 1",
            vec![],
        )
        .await?;
    ensure!(!wide, "{name} is wider than its window");
    browser.set_viewport(1280, 900, false).await
}

#[tokio::test]
async fn every_kind_of_learned_file_is_told_as_the_binary_tells_it() {
    let (fixture, kinds) = (fixture().unwrap(), kinds().unwrap());
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        let picture = &fixture.pictures[1];
        page.first_answer().await?;
        page.choose_file("image-input", picture).await?;
        page.click("tab-learned").await?;
        shown(page, "zero-shot is told", |shown| shown.learner == "zero-shot").await?;
        for kind in kinds {
            // Those that know only their own classes are asked about these.
            if kind.is_bound {
                let own: String = fs::read_dir(fixture.folder.join("data/train"))?
                    .map(|class| Ok(class?.file_name().to_string_lossy().into_owned()))
                    .collect::<Result<Vec<_>>>()?
                    .into_iter()
                    .take(4)
                    .collect::<Vec<_>>()
                    .join(",");
                replace_classes(page, &own).await?;
            }
            let (name, told) = bring(page, kind).await?;
            let class: Option<String> = page
                .script(
                    "return document.querySelector('[data-testid=learned-class]')?.value ?? null",
                    vec![],
                )
                .await?;
            ensure!(class.is_some() == (kind.title == "CoOp, each class its own"), "{class:?}");
            check_explained(kind, class.as_deref(), &told)?;
            let classes = page.class_names().await?;
            let expected = by_the_library(kind, &classes, picture)?;
            let matrix = told.matrices.get(kind.method).context("no matrix")?;
            ensure!(matrix.len() == classes.len() * classes.len(), "{}", matrix.len());
            for (got, expected) in matrix.iter().zip(&expected) {
                ensure!((got - expected).abs() < TOLERANCE, "{name}: {got} for {expected}");
            }
            ensure!(expected.is_empty() == (kind.method == "linear_probe"));
            ensure!(told.shift.is_some() == (kind.method == "cocoop"), "{:?}", told.shift);
            ensure!(told.shifted.is_empty() == (kind.method != "cocoop"));
            ensure!(told.matrices.contains_key("zero_shot"));
            let title = kind.title.replace([' ', ',', '\''], "-").to_lowercase();
            picture_of_all(browser, page, 1280, &format!("learned-{title}")).await?;
            picture_of_all(browser, page, 360, &format!("learned-{title}-phone")).await?;
            page.script::<Value>(
                "document.querySelector(`[data-testid=learned-file][data-learner=\"${arguments[0]}\"] .remove`).click()",
                vec![json!(name)],
            )
            .await?;
            shown(page, "it is gone", |shown| shown.learner == "zero-shot").await?;
        }
        Ok(())
    })
    .await;
}

/// The samples of the map come one by one; what is chosen meanwhile pushes none out.
#[tokio::test]
async fn an_image_chosen_while_the_samples_come_costs_none_of_them() {
    let picture = &fixture().unwrap().pictures[1];
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        let held = "const fetch = window.fetch; let asked = 0;
            const opened = new Promise((open) => { window.openSamples = open; });
            window.fetch = async (...request) => {
                const address = String(request[0].url ?? request[0]);
                if (address.includes('samples/') && ++asked === 3) {
                    window.samplesAreHeld = true;
                    await opened;
                }
                return fetch(...request);
            };";
        page.script::<Value>(held, vec![]).await?;
        page.click("tab-learned").await?;
        page.wait_for("a sample to be held up", "window.samplesAreHeld === true")
            .await?;
        page.choose_file("image-input", picture).await?;
        shown(page, "zero-shot is told of the image", |shown| {
            shown.points.iter().any(|point| point.kind == "image")
        })
        .await?;
        page.script::<Value>("window.openSamples()", vec![]).await?;
        shown(page, "the image and all samples are on the map", |shown| {
            shown
                .points
                .iter()
                .filter(|point| point.kind == "image")
                .count()
                > 3
        })
        .await?;
        Ok(())
    })
    .await;
}

/// Other class names, as a person types them.
async fn replace_classes(page: &Page<'_>, names: &str) -> Result<()> {
    let removed: usize = page.class_names().await?.len();
    for _ in 0..removed {
        page.script::<Value>(
            "document.querySelector('[data-testid=class-chip] .remove').click()",
            vec![],
        )
        .await?;
    }
    page.type_over("class-input", &format!("{names},")).await
}

#[tokio::test]
async fn learners_are_compared_and_the_map_moves() {
    let kinds = kinds().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        page.click("tab-learned").await?;
        let words = shown(page, "the samples are on the map", |shown| {
            shown.points.iter().filter(|point| point.kind == "image").count() > 2
        })
        .await?;
        ensure!(words.matrices.len() == 1 && words.vectors.is_empty(), "{words:?}");
        let (shared, first) = bring(page, &kinds[0]).await?;
        let (moving, second) = bring(page, &kinds[2]).await?;
        for told in [&first, &second] {
            ensure!(told.matrices.len() == 2, "{:?}", told.matrices.keys());
        }
        // Prompts of every learner in one plane, each with its class.
        let classes = page.class_names().await?;
        for method in ["zero_shot", "coop", "cocoop"] {
            let of: Vec<&Point> = second
                .points
                .iter()
                .filter(|point| point.method.as_deref() == Some(method))
                .collect();
            ensure!(of.len() == classes.len(), "{method}: {}", of.len());
            for (point, class) in of.iter().zip(&classes) {
                ensure!(point.class.as_ref() == Some(class), "{point:?}");
                ensure!(point.at.iter().all(|at| at.is_finite()));
            }
        }
        // By keyboard from one learner to the next.
        let choice = format!("[data-testid=learned-choice][data-learner='{moving}']");
        focus(page, &choice).await?;
        browser.press(LEFT).await?;
        let back = shown(page, "the one before is told", |shown| {
            shown.learner == shared
        })
        .await?;
        ensure!(back.matrices == first.matrices);
        click(browser, &format!("label:has({choice})")).await?;
        let again = shown(page, "CoCoOp is told", |shown| shown.learner == moving).await?;

        // Another image moves CoCoOp's prompts, and no others.
        let script = "[...document.querySelectorAll('[data-testid=sample]')].at(-1).click()";
        page.script::<Value>(script, vec![]).await?;
        let moved = shown(page, "another image is told", |shown| {
            shown.shift != again.shift && shown.learner == moving
        })
        .await?;
        ensure!(moved.matrices["cocoop"] != again.matrices["cocoop"]);
        ensure!(moved.matrices["zero_shot"] == again.matrices["zero_shot"]);
        ensure!(moved.vectors.iter().zip(&again.vectors).all(|(a, b)| a.norm == b.norm));

        // As features lie, images and prompts are two heaps; laid over each other one.
        let gap = |shown: &Shown| {
            let mean = |kind: &str| {
                let of: Vec<&Point> = shown.points.iter().filter(|it| it.kind == kind).collect();
                [0, 1].map(|axis| {
                    of.iter().map(|it| it.at[axis]).sum::<f64>() / of.len().max(1) as f64
                })
            };
            let (images, prompts) = (mean("image"), mean("prompt"));
            (images[0] - prompts[0]).hypot(images[1] - prompts[1])
        };
        ensure!(gap(&moved) < 1e-3, "{}", gap(&moved));
        let watch = "document.addEventListener('transitionrun', event =>
            window.hasMoved ||= event.propertyName === 'transform' && event.target.matches('.map-point'))";
        page.script::<Value>(watch, vec![]).await?;
        click(browser, "[data-testid=map-together]").await?;
        let apart = shown(page, "they lie apart", |shown| gap(shown) > 0.2).await?;
        ensure!(apart.answer == moved.answer, "nothing is asked for that");
        let moves = async || page.script("return window.hasMoved || null", vec![]).await;
        let has_moved: bool = page.wait_until("points are seen moving", moves).await?;
        ensure!(has_moved);
        let show = "document.querySelector('[data-testid=point-map]').scrollIntoView()";
        page.script::<Value>(show, vec![]).await?;
        // The movement ends before the picture.
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        browser.save_screenshot("learned-map-apart").await?;
        click(browser, "[data-testid=map-together]").await?;
        click(browser, "[data-testid=map-samples]").await?;
        shown(page, "the image alone is on the map", |shown| {
            shown.points.iter().filter(|point| point.kind == "image").count() == 1
        })
        .await?;

        // Keys lead through the map and the matrix, and say where they are.
        focus(page, "[data-testid=map-point][tabindex='0']").await?;
        let caption = page.text("map-caption").await?;
        ensure!(caption.contains("Image"), "{caption}");
        browser.press(RIGHT).await?;
        let caption = page.text("map-caption").await?;
        ensure!(caption.contains("prompt of"), "{caption}");
        focus(page, "[data-testid=similarity-cell][tabindex='0']").await?;
        browser.press(RIGHT).await?;
        browser.press(DOWN).await?;
        let cell: String = page
            .script("return document.activeElement.dataset.cell", vec![])
            .await?;
        ensure!(cell == "1-1", "{cell}");
        // The map as a table has a row for each point.
        click(browser, "[data-testid=map-as-table] summary").await?;
        let rows: usize = page
            .wait_until("the table is there", async || {
                let rows: usize = page
                    .script("return document.querySelectorAll('[data-testid=map-table] tbody tr').length", vec![])
                    .await?;
                Ok((rows > 0).then_some(rows))
            })
            .await?;
        ensure!(rows == 3 * classes.len() + 1, "{rows}");

        // Classes that a learned file does not know: it says so, and offers its own.
        let (own, _) = bring_bound(page, &kinds[1]).await?;
        page.error_with("learned on").await?;
        click(browser, "[data-testid=learned-room] [data-testid=error] button").await?;
        let told = shown(page, "its own classes are compared", |shown| {
            shown.learner == own && shown.problems.is_empty()
        })
        .await?;
        ensure!(told.matrices.len() == 2);
        picture_of_all(browser, page, 1280, "learned-many-classes").await
    })
    .await;
}

/// As [`bring`], where the page's classes are others than it knows.
async fn bring_bound(page: &Page<'_>, kind: &Kind) -> Result<(String, Shown)> {
    let file = &kind.files[0];
    let name = file
        .file_stem()
        .context("no name")?
        .to_string_lossy()
        .into_owned();
    page.choose_file("learned-input", file).await?;
    let shown = shown(page, "its trouble is told", |shown| {
        shown.learner == name && !shown.problems.is_empty()
    })
    .await?;
    Ok((name, shown))
}
