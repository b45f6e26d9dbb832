//! What the tab shows, read off the page.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use clipwright_tests::{Browser, Page};
use fantoccini::Locator;
use serde::Deserialize;

use super::kinds::Kind;

/// What the tab shows.
#[derive(Debug, Clone, Deserialize)]
pub struct Shown {
    pub answer: String,
    pub learner: String,
    pub vectors: Vec<Vector>,
    pub shifted: Vec<Vector>,
    pub token_norm: Option<f64>,
    pub shift: Option<f64>,
    pub layers: Vec<Layer>,
    pub probe: Vec<Row>,
    /// By learner.
    pub matrices: HashMap<String, Vec<f64>>,
    pub points: Vec<Point>,
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Vector {
    pub norm: f64,
    pub words: Vec<(String, f64)>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Layer {
    pub is_image: bool,
    pub block: usize,
    pub projection: String,
    pub norm: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    pub class: String,
    pub norm: f64,
    pub nearest: Vec<(String, f64)>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Point {
    pub kind: String,
    pub method: Option<String>,
    pub class: Option<String>,
    pub at: [f64; 2],
}

const SHOWN: &str = "
    const room = document.querySelector('[data-testid=learned-room]');
    if (!room || room.ariaBusy !== 'false' || !room.dataset.answer) return null;
    const all = (element, id) => [...element.querySelectorAll(`[data-testid=${id}]`)];
    const number = element => element ? Number(element.dataset.norm) : null;
    const vector = row => ({
        norm: number(row),
        words: all(row, 'near-word').map(word => [word.dataset.word, Number(word.dataset.distance)]),
    });
    return {
        answer: room.dataset.answer,
        learner: room.dataset.learner,
        vectors: all(room, 'vector-row').map(vector),
        shifted: all(room, 'shifted-row').map(vector),
        token_norm: number(all(room, 'mean-token-norm')[0]),
        shift: number(all(room, 'shift')[0]),
        layers: all(room, 'layer-change').map(cell => ({
            is_image: cell.dataset.image === 'true', block: Number(cell.dataset.block),
            projection: cell.dataset.projection, norm: number(cell),
        })),
        probe: all(room, 'probe-class').map(row => ({
            class: row.dataset.class, norm: number(row),
            nearest: all(row, 'near-class').map(near => [near.dataset.class, Number(near.dataset.cosine)]),
        })),
        matrices: Object.fromEntries(all(room, 'similarity').map(table => [
            table.dataset.method,
            all(table, 'similarity-cell').map(cell => Number(cell.dataset.value)),
        ])),
        points: all(room, 'map-point').map(point => ({
            kind: point.dataset.kind, method: point.dataset.method ?? null,
            class: point.dataset.class ?? null,
            at: [Number(point.dataset.x), Number(point.dataset.y)],
        })),
        problems: all(room, 'error').map(error => error.textContent),
    };";

pub async fn shown(page: &Page<'_>, what: &str, fits: impl Fn(&Shown) -> bool) -> Result<Shown> {
    page.wait_until(what, async || {
        let shown: Option<Shown> = page.script(SHOWN, vec![]).await?;
        Ok(shown.filter(|shown| fits(shown)))
    })
    .await
}

/// The names that can be chosen, in their order.
pub async fn choices(page: &Page<'_>) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('[data-testid=learned-choice]')]
        .map(choice => choice.dataset.learner)";
    page.script(script, vec![]).await
}

pub async fn click(browser: &Browser, selector: &str) -> Result<()> {
    let element = browser.client.find(Locator::Css(selector)).await;
    let element = element.with_context(|| format!("no {selector}"))?;
    element
        .click()
        .await
        .with_context(|| format!("clicking {selector}"))
}

/// Brings a learned file; the name it got, once it is looked at.
pub async fn bring(page: &Page<'_>, kind: &Kind) -> Result<(String, Shown)> {
    let before = choices(page).await?;
    let files: Vec<String> = kind
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    page.choose_file("learned-input", Path::new(&files.join("\n")))
        .await?;
    let name = page
        .wait_until(&format!("{} can be chosen", kind.title), async || {
            let mut names = choices(page).await?;
            names.retain(|name| !before.contains(name));
            Ok(names.pop())
        })
        .await?;
    let shown = shown(page, &format!("{name} is told"), |shown| {
        shown.learner == name && shown.problems.is_empty()
    })
    .await?;
    Ok((name, shown))
}
