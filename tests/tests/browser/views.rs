//! What the tests of patches and of augmentations share: what the page shows of views,
//! and what the library says of the same ones.

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use clipwright_shared::Session;
use clipwright_shared::ops::softmax;
use clipwright_shared::tuning::{Augmenter, entropy, kept_of, most_confident};
use clipwright_shared::views;
use clipwright_tests::{Browser, Page, repository_root};
use fantoccini::Locator;
use fantoccini::key::Key;
use serde::Deserialize;
use serde_json::json;

use super::{Fixture, TOLERANCE};

/// The prompts' template, another than the page's own.
const TEMPLATE: &str = "a picture of a {}.";

/// What a room shows of views.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Another number with every answer.
    pub answers: String,
    /// In the order in which they stand.
    pub views: Vec<SeenView>,
    /// Of the view looked at closely.
    pub closely: Vec<(String, f64)>,
    pub pointed: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenView {
    pub view: usize,
    pub class: String,
    pub confidence: f64,
    pub entropy: f64,
    pub is_trusted: bool,
    /// Left, top, width and height.
    pub source: [u32; 4],
    /// Whether its picture is no blank.
    pub is_drawn: bool,
}

/// What a room shows, whether it is busy or not; null without views.
pub const ANSWERED: &str = "
    const room = document.querySelector(`[data-testid=${arguments[0]}]`);
    const views = [...room.querySelectorAll('[data-testid=view]')];
    if (!views.length) return null;
    // Read from a copy: the page's own canvases are not made to be read.
    const copy = new OffscreenCanvas(1, 1);
    const drawn = canvas => {
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext('2d', { willReadFrequently: true });
        context.drawImage(canvas, 0, 0);
        const data = context.getImageData(0, 0, copy.width, copy.height).data;
        return data.every((value, at) => at % 4 !== 3 || value === 255) && new Set(data).size > 2;
    };
    return {
        answers: room.dataset.answers,
        views: views.map(view => ({
            view: Number(view.dataset.view),
            class: view.dataset.class,
            confidence: Number(view.dataset.confidence),
            entropy: Number(view.dataset.entropy),
            isTrusted: view.dataset.trusted === 'true',
            source: view.dataset.box.split(' ').map(Number),
            isDrawn: drawn(view.querySelector('canvas')),
        })),
        closely: [...room.querySelectorAll('[data-testid=detail-row]')].map(row =>
            [row.dataset.class, Number(row.dataset.probability)]),
        pointed: Number(room.querySelector('[data-testid=view-detail]').dataset.view),
    };";

/// What a room shows once it rests, with another answer than `before`.
pub async fn seen(page: &Page<'_>, room: &str, before: &str) -> Result<Seen> {
    let rests = "const room = document.querySelector(`[data-testid=${arguments[0]}]`);
        return room !== null && room.ariaBusy === 'false' && room.dataset.answers !== arguments[1]
            && room.querySelector('[data-testid=view]') !== null";
    page.wait_until(&format!("the {room} have an answer"), async || {
        let with = vec![json!(room), json!(before)];
        let rests: bool = page.script(rests, with).await?;
        Ok(rests.then_some(()))
    })
    .await?;
    page.script(ANSWERED, vec![json!(room)]).await
}

/// Opens a room of the page with the fixture's learned file and its oblong picture, whose
/// places are oblong too: the names of the classes, and the room's first answer.
pub async fn open_room(
    browser: &Browser,
    page: &Page<'_>,
    fixture: &Fixture,
    room: &str,
) -> Result<(Vec<String>, Seen)> {
    browser.set_viewport(1280, 900, false).await?;
    page.first_answer().await?;
    page.type_over("template-input", TEMPLATE).await?;
    page.answer_after(async || page.choose_file("learned-input", &fixture.learned).await)
        .await?;
    page.answer_after(async || page.choose_file("image-input", &fixture.pictures[1]).await)
        .await?;
    let classes = page.class_names().await?;
    page.click(&format!("tab-{room}")).await?;
    Ok((classes, seen(page, room, "").await?))
}

/// What a view should say.
#[derive(Debug)]
pub struct Expected {
    pub source: [u32; 4],
    pub entropy: f64,
    pub probabilities: Vec<f64>,
}

/// All views of a picture, as the library makes them and asks of them, with the names
/// of the classes.
pub struct Library {
    pub classes: Vec<String>,
    pub views: Vec<Expected>,
}

/// The fixture's oblong picture, seen so, asked of with [`TEMPLATE`].
pub fn library(
    fixture: &Fixture,
    augmenter: &Augmenter,
    seed: u64,
    learned: Option<&str>,
    classes: &[String],
) -> Result<Library> {
    let model = std::fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let mut session = Session::from_bytes(&model, &Device::Cpu)?;
    session.add_learned("learned", &std::fs::read(&fixture.learned)?)?;
    let image = views::decode(&std::fs::read(&fixture.pictures[1])?)?.into_rgb();
    let side = session.clip.config.image.side as u32;
    let views = augmenter.views(&image, side, seed)?;
    let squares: Vec<_> = views.iter().map(|view| view.pixels.clone()).collect();
    let features = session
        .image_encoder(learned)?
        .forward(&session.pixels(&squares)?)?;
    let classifier = session.classifier(learned, classes, &[TEMPLATE.to_string()])?;
    let logits = classifier.logits(&features)?;
    let entropies: Vec<f32> = entropy(&logits)?.to_vec1()?;
    let probabilities: Vec<Vec<f32>> = softmax(&logits)?.to_vec2()?;
    let views = views.iter().zip(entropies.into_iter().zip(probabilities));
    let views = views.map(|(view, (entropy, probabilities))| {
        let part = view.source;
        Expected {
            source: [part.left, part.top, part.width, part.height],
            entropy: entropy.into(),
            probabilities: probabilities.into_iter().map(f64::from).collect(),
        }
    });
    Ok(Library {
        classes: classes.to_vec(),
        views: views.collect(),
    })
}

impl Library {
    /// The most confident share, lowest entropy first.
    pub fn trusted(&self, share: f64) -> Vec<usize> {
        let entropies: Vec<f32> = self.views.iter().map(|view| view.entropy as f32).collect();
        most_confident(&entropies, kept_of(entropies.len(), share).max(1))
    }
}

/// Everything that is shown is what the library says.
pub fn check_seen(seen: &Seen, library: &Library, share: f64) -> Result<()> {
    let expected = &library.views;
    ensure!(
        seen.views.len() == expected.len(),
        "{} views",
        seen.views.len()
    );
    for got in &seen.views {
        let at = got.view;
        let expected = expected.get(at).with_context(|| format!("a view {at}"))?;
        ensure!(
            got.source == expected.source,
            "{got:?}; expected {expected:?}"
        );
        ensure!(got.is_drawn, "view {at} is blank");
        let class = library.classes.iter().position(|class| *class == got.class);
        let class = class.with_context(|| format!("{got:?}"))?;
        let highest = expected.probabilities.iter().copied().fold(0.0, f64::max);
        for (number, expected) in [
            (got.confidence, expected.probabilities[class]),
            (got.confidence, highest),
            (got.entropy, expected.entropy),
        ] {
            let off = (number - expected).abs();
            ensure!(off < TOLERANCE, "view {at}: {number}; expected {expected}");
        }
    }
    let closely = &expected[seen.pointed].probabilities;
    ensure!(!seen.closely.is_empty(), "nothing is looked at closely");
    for (class, probability) in &seen.closely {
        let at = library.classes.iter().position(|known| known == class);
        let off = probability - closely[at.context("an unknown class")?];
        ensure!(off.abs() < TOLERANCE, "closely, {class}: {probability}");
    }
    let trusted = seen.views.iter().filter(|view| view.is_trusted);
    let mut trusted: Vec<usize> = trusted.map(|view| view.view).collect();
    let mut expected = library.trusted(share);
    trusted.sort_unstable();
    expected.sort_unstable();
    ensure!(
        trusted == expected,
        "trusted {trusted:?}; expected {expected:?}"
    );
    Ok(())
}

/// The same key some times.
pub fn keys(key: &Key, times: usize) -> Vec<Key> {
    vec![*key; times]
}

/// Presses keys where the focus is.
pub async fn press(browser: &Browser, keys: &[Key]) -> Result<()> {
    let keys: String = keys.iter().map(|key| char::from(*key)).collect();
    browser.press(&keys).await
}

/// Presses keys with the element of that test id in focus.
pub async fn press_in(browser: &Browser, test_id: &str, keys: &[Key]) -> Result<()> {
    let selector = format!("[data-testid={test_id}]");
    let element = browser.client.find(Locator::Css(&selector)).await?;
    let keys: String = keys.iter().map(|key| char::from(*key)).collect();
    element
        .send_keys(&keys)
        .await
        .with_context(|| format!("keys for {test_id}"))
}

/// Chooses from a list.
pub async fn choose(browser: &Browser, test_id: &str, value: &str) -> Result<()> {
    let selector = format!("[data-testid={test_id}] option[value='{value}']");
    let option = browser.client.find(Locator::Css(&selector)).await?;
    option
        .click()
        .await
        .with_context(|| format!("choosing {value} in {test_id}"))
}

/// Asks another learner; zero-shot has no name.
pub async fn choose_learner(page: &Page<'_>, room: &str, name: &str) -> Result<()> {
    let script = "document.querySelector(
        `[data-testid=${arguments[0]}-learner][data-learner='${arguments[1]}']`).click()";
    page.script(script, vec![json!(room), json!(name)]).await
}
