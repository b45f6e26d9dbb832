//! Encoded images through openai/CLIP's transform.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use clipwright_shared::views::{Picture, clip_view, decode, normalise_pixels};

use super::same;
use crate::golden::case::{Case, close, get};

pub fn check(case: &Case) -> Result<()> {
    let images = case.json["images"].as_object().context("no images")?;
    let mut expected = case.tensors("out32")?;
    expected.extend(larger_views(case)?);
    let rgb = case.tensors("decoded_rgb")?;
    let mut compared = 0;
    for (name, info) in images {
        let stem = name.split('.').next().unwrap_or_default();
        let bytes = case.files.get(&case.beside(&format!("images/{name}")))?;
        let picture = decode(bytes).with_context(|| name.clone())?;
        let mode = mode(&picture);
        ensure!(
            info["mode"] == mode || (mode == "P" && info["mode"] == "1"),
            "{name}: mode {mode}; expected {}",
            info["mode"]
        );
        for (key, expected) in &expected {
            let Some(kind) = of(key, name).or_else(|| of(key, stem)) else {
                continue;
            };
            if let Some(side) = kind.strip_prefix("u8_") {
                let view = clip_view(&picture, side.parse()?)?;
                same(key, &view, expected)?;
            } else if let Some(side) = kind.strip_prefix("norm") {
                let view = clip_view(&picture, side.parse()?)?;
                let pixels = normalise_pixels(&[view], &Device::Cpu)?;
                close(key, &pixels.squeeze(0)?, expected, 0.0)?;
            } else {
                // Another image's, or unknown: it is missed below.
                continue;
            }
            compared += 1;
        }
        let whole = [name, stem].map(|name| rgb.get(&format!("{name}.decoded_rgb")));
        let whole = whole.into_iter().flatten().next();
        let whole = whole.with_context(|| format!("no {name}.decoded_rgb"))?;
        same(name, &picture.into_rgb(), whole)?;
    }
    ensure!(
        compared == expected.len() && compared >= images.len(),
        "{compared} views compared, of {}, for {} images",
        expected.len(),
        images.len()
    );
    Ok(())
}

/// The views in folders named after their side, `u8_224/STEM.safetensors`.
fn larger_views(case: &Case) -> Result<HashMap<String, Tensor>> {
    let above = case.beside("");
    let mut views = HashMap::new();
    for path in case.files.paths() {
        let name = path.strip_prefix(&above).unwrap_or_default();
        let Some(name) = name.strip_suffix(".safetensors") else {
            continue;
        };
        if let Some((folder, stem)) = name.split_once('/').filter(|(f, _)| f.starts_with("u8_")) {
            let tensors = case.tensors(name)?;
            views.insert(format!("{stem}.{folder}"), get(&tensors, folder)?.clone());
        }
    }
    Ok(views)
}

/// What a tensor holds of an image: its name behind the image's.
fn of<'a>(key: &'a str, image: &str) -> Option<&'a str> {
    key.strip_prefix(image)?.strip_prefix('.')
}

/// PIL's name for it.
fn mode(picture: &Picture) -> &'static str {
    match picture {
        Picture::Grey(_) => "L",
        Picture::GreyAlpha(_) => "LA",
        Picture::Grey16(_) => "I;16",
        Picture::Rgb(_) => "RGB",
        Picture::Rgba(_) => "RGBA",
        Picture::Cmyk(_) => "CMYK",
        Picture::Palette(_) => "P",
    }
}
