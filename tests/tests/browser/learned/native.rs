//! The same by the binary and by the library.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use clipwright_shared::Session;
use clipwright_shared::interop::NamedBytes;
use clipwright_shared::views::{clip_view, decode};
use clipwright_tests::{clipwright_json, repository_root};
use serde_json::Value;

use super::super::{TOLERANCE, fixture};
use super::kinds::Kind;
use super::shown::Shown;

fn near(what: &str, got: f64, expected: &Value) -> Result<()> {
    let expected = expected
        .as_f64()
        .with_context(|| format!("{what}: {expected}"))?;
    ensure!(
        (got - expected).abs() <= TOLERANCE * expected.abs().max(1.0),
        "{what}: {got} for {expected}"
    );
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Names and numbers in the binary's order.
fn same_list(what: &str, got: &[(String, f64)], expected: &Value, keys: [&str; 2]) -> Result<()> {
    let expected = list(expected);
    ensure!(
        got.len() == expected.len() && !got.is_empty(),
        "{what}: {got:?} for {expected:?}"
    );
    for ((name, number), expected) in got.iter().zip(expected) {
        ensure!(
            expected[keys[0]] == name.as_str(),
            "{what}: {name} for {expected}"
        );
        near(what, *number, &expected[keys[1]])?;
    }
    Ok(())
}

/// What is shown, against `clipwright explain`.
pub fn check_explained(kind: &Kind, class: Option<&str>, shown: &Shown) -> Result<()> {
    let given = kind.given.to_string_lossy();
    let mut line = vec!["explain", &*given, "--model", "tiny", "--json"];
    line.extend(class.iter().flat_map(|class| ["--class", class]));
    let told = clipwright_json(&fixture()?.folder, line)?;
    let title = kind.title;
    match told["kind"].as_str() {
        Some("context") => {
            let vectors = list(&told["vectors"]);
            ensure!(
                vectors.len() == shown.vectors.len() && !vectors.is_empty(),
                "{title}: {} vectors for {}",
                shown.vectors.len(),
                vectors.len()
            );
            for (got, vector) in shown.vectors.iter().zip(vectors) {
                near(title, got.norm, &vector["norm"])?;
                same_list(title, &got.words, &vector["nearest"], ["word", "distance"])?;
            }
            let norm = shown.token_norm.context("no norm of tokens")?;
            near(title, norm, &told["mean_token_norm"])?;
        }
        Some("adapter") => {
            let layers = list(&told["layers"]);
            ensure!(
                layers.len() == shown.layers.len() && !layers.is_empty(),
                "{title}: {} layers",
                shown.layers.len()
            );
            for layer in layers {
                let same = shown.layers.iter().find(|got| {
                    let initial = layer["projection"].as_str().unwrap_or_default();
                    layer["is_image"] == got.is_image
                        && layer["block"] == got.block
                        && initial.starts_with(&got.projection)
                });
                let same = same.with_context(|| format!("{title}: {layer} is not shown"))?;
                near(title, same.norm, &layer["norm"])?;
            }
        }
        Some("probe") => {
            for expected in list(&told["classes"]) {
                let mut rows = shown.probe.iter();
                let row = rows.find(|row| expected["class"] == row.class.as_str());
                let row = row.with_context(|| format!("{title}: {expected} is not shown"))?;
                near(title, row.norm, &expected["norm"])?;
                same_list(
                    title,
                    &row.nearest,
                    &expected["nearest"],
                    ["class", "cosine"],
                )?;
            }
        }
        other => anyhow::bail!("{title}: {other:?}"),
    }
    Ok(())
}

/// Cosines of the prompts by the library, for the image that is shown; and the norm of
/// CoCoOp's shift.
pub fn by_the_library(kind: &Kind, classes: &[String], picture: &Path) -> Result<Vec<f64>> {
    let model = fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let mut session = Session::from_bytes(&model, &Device::Cpu)?;
    let bytes = kind.files.iter().map(|file| {
        let name = file.file_name().context("no name")?;
        Ok((name.to_string_lossy().into_owned(), fs::read(file)?))
    });
    let bytes: Vec<(String, Vec<u8>)> = bytes.collect::<Result<_>>()?;
    let files: Vec<NamedBytes<'_>> = bytes
        .iter()
        .map(|(name, bytes)| NamedBytes { name, bytes })
        .collect();
    session.add_learned_files("it", &files)?;
    let side = session.clip.config.image.side as u32;
    let pixels = session.pixels(&[clip_view(&decode(&fs::read(picture)?)?, side)?])?;
    let features = session.image_encoder(Some("it"))?.forward(&pixels)?;
    let templates = ["a photo of a {}.".to_string()];
    let classifier = session.classifier(Some("it"), classes, &templates)?;
    let prompts = classifier.text_features_for(Some(&features))?;
    let Some(prompts) = prompts else {
        return Ok(Vec::new());
    };
    let cosines = prompts.matmul(&prompts.t()?)?.flatten_all()?;
    Ok(cosines
        .to_vec1::<f32>()?
        .into_iter()
        .map(f64::from)
        .collect())
}
