//! What `clipwright classify` says of a picture, and whether the page says the same.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clipwright_tests::{Card, clipwright_json};
use serde_json::Value;

use super::check_card;

/// One learner's ranking.
#[derive(Debug)]
pub struct Ranking {
    pub method: String,
    /// Probabilities by class.
    pub classes: HashMap<String, f64>,
}

/// The binary, set up as the page is.
pub struct Binary<'a> {
    /// Where it runs.
    pub folder: &'a Path,
    pub model: &'a Path,
    pub learned: &'a [PathBuf],
    pub templates: &'a [String],
}

impl Binary<'_> {
    /// Rankings of a picture by zero-shot and by each learned file.
    pub fn rankings(&self, classes: &[String], picture: &Path) -> Result<Vec<Ranking>> {
        let names = classes.join(",");
        let mut arguments: Vec<&Path> = ["classify", "--json", "--model"].map(Path::new).into();
        arguments.extend([self.model, "--classes".as_ref(), names.as_ref()]);
        for template in self.templates {
            arguments.extend(["--template".as_ref(), template.as_ref()] as [&Path; 2]);
        }
        for learned in self.learned {
            arguments.extend(["--learned".as_ref(), &**learned]);
        }
        arguments.push(picture);
        let answer = clipwright_json(self.folder, arguments)?;
        let rankings = answer[0]["rankings"].as_array().context("no rankings")?;
        let rankings: Vec<Ranking> = rankings.iter().map(ranking).collect::<Result<_>>()?;
        ensure!(
            rankings.len() == 1 + self.learned.len(),
            "{} rankings by zero-shot and {} learned files",
            rankings.len(),
            self.learned.len()
        );
        Ok(rankings)
    }
}

fn ranking(ranking: &Value) -> Result<Ranking> {
    let text = |value: &Value| value.as_str().map(String::from).context("no text");
    let classes = ranking["classes"].as_array().context("no classes")?;
    let classes = classes.iter().map(|class| {
        let probability = class["probability"].as_f64().context("no probability")?;
        Ok((text(&class["class"])?, probability))
    });
    Ok(Ranking {
        method: text(&ranking["method"])?,
        classes: classes.collect::<Result<_>>()?,
    })
}

/// The page's cards are whole rankings of `classes`, and the binary's, card by card; the
/// largest difference of a probability.
pub fn same_rankings(
    cards: &[Card],
    rankings: &[Ranking],
    classes: &[String],
    tolerance: f64,
) -> Result<f64> {
    ensure!(
        !cards.is_empty() && cards.len() == rankings.len(),
        "{} cards for {} rankings: {cards:#?}",
        cards.len(),
        rankings.len()
    );
    let mut largest = 0f64;
    for (card, ranking) in cards.iter().zip(rankings) {
        largest = largest.max(same_ranking(card, ranking, classes, tolerance)?);
    }
    Ok(largest)
}

/// The same of one card.
pub fn same_ranking(
    card: &Card,
    ranking: &Ranking,
    classes: &[String],
    tolerance: f64,
) -> Result<f64> {
    check_card(card, classes)?;
    ensure!(card.method == ranking.method, "{card:?} for {ranking:?}");
    let mut largest = 0f64;
    for row in &card.rows {
        let native = ranking.classes.get(&row.class);
        let native = native.with_context(|| format!("the binary ranks no {}", row.class))?;
        let difference = (row.probability - native).abs();
        ensure!(
            difference <= tolerance,
            "{}, {}: {} in the page, {native} natively",
            card.learner,
            row.class,
            row.probability
        );
        largest = largest.max(difference);
    }
    Ok(largest)
}
