//! AugMix: torchvision's operations on tensors, azshue/TPT's on PIL images, and both
//! mixtures with the numbers that the references drew.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Tensor};
use clipwright_shared::views::RgbImage;
use clipwright_shared::views::augmix::{AugMixDraw, Operation, pil};
use serde_json::Value;

use super::case::{Case, close, get};

/// The order of additions in f32 of values up to 5.
const MIXED: f64 = 1e-6;

pub fn check(case: &Case) -> Result<()> {
    match case.stem() {
        "ops" => check_operations(case),
        "augmix" => check_mixtures(case),
        "azshue_pil_ops" => check_pil(case),
        _ => bail!("no reader for {}", case.path()),
    }
}

/// Each operation, and the tables of magnitudes.
fn check_operations(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let fields = case.json.as_object().context("no object")?;
    let spaces = fields.iter().filter_map(|(name, space)| {
        let size = name.strip_prefix("magnitude_space_for_")?;
        Some((size, space))
    });
    let mut tables = 0;
    for (size, space) in spaces {
        let (height, width) = size.split_once('x').context("no size of a space")?;
        let space = space.as_object().context("no space")?;
        for (name, golden) in space {
            let operation = operation(&Value::from(name.as_str()))?;
            let expected: Vec<f32> = serde_json::from_value(golden[0].clone())?;
            let got = operation.magnitudes(width.parse()?, height.parse()?);
            ensure!(got == expected, "{name}: {got:?}; expected {expected:?}");
            let is_signed = golden[1].as_bool().context("no sign")?;
            ensure!(operation.is_signed() == is_signed, "{name}: {is_signed}");
            tables += 1;
        }
    }
    ensure!(tables > 0, "no tables of magnitudes");
    for golden in list(&case.json["ops"])? {
        let key = golden["key"].as_str().context("no key")?;
        let operation = operation(&golden["op"])?;
        let magnitude = golden["magnitude"].as_f64().context("no magnitude")? as f32;
        let source = image(get(&tensors, golden["src"].as_str().unwrap_or("src"))?)?;
        let what = format!("{key}, {operation:?} by {magnitude}");
        // PyTorch's own sum of four products depends on the processor.
        let tolerance = match operation {
            Operation::ShearX | Operation::ShearY | Operation::Rotate => 1,
            Operation::Brightness | Operation::Color | Operation::Contrast => 1,
            Operation::Sharpness | Operation::AutoContrast => 1,
            _ => 0,
        };
        let got = operation.apply(&source, magnitude);
        near(&what, &got, get(&tensors, key)?, tolerance)?;
    }
    Ok(())
}

/// Whole mixtures, to the byte.
fn check_mixtures(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    for (at, golden) in list(&case.json["cases"])?.iter().enumerate() {
        let draw: AugMixDraw = serde_json::from_value(golden.clone())?;
        let source = image(get(&tensors, &format!("in{at}"))?)?;
        let expected = get(&tensors, &format!("out{at}"))?;
        near(&format!("mixture {at}"), &draw.apply(&source), expected, 0)?;
        let again: AugMixDraw = serde_json::from_str(&serde_json::to_string(&draw)?)?;
        ensure!(again == draw, "mixture {at} reads back as {again:?}");
    }
    Ok(())
}

/// PIL's operations, and the mixture of what they make.
fn check_pil(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let source = image(get(&tensors, "src")?)?;
    for golden in list(&case.json["ops"])? {
        let key = golden["key"].as_str().context("no key")?;
        let operation: pil::PilOperation = serde_json::from_value(golden["op"].clone())?;
        let level = golden["sampled_level"].as_f64().context("no level")?;
        let negative = golden["negative"].as_bool().context("no sign")?;
        let what = format!("{key}, {operation:?} at {level}, turned round: {negative}");
        let got = operation.apply(&source, level, negative);
        near(&what, &got, get(&tensors, key)?, 0)?;
    }
    let mixture = case.tensors("azshue_mix")?;
    let numbers = |name: &str| -> Result<Vec<f32>> {
        let numbers = get(&mixture, name)?.to_dtype(DType::F32)?;
        Ok(numbers.flatten_all()?.to_vec1()?)
    };
    let weights = numbers("w")?;
    let kept = *numbers("m")?.first().context("no share")?;
    let copies = copies(&mixture, weights.len())?;
    let got = pil::mix(get(&mixture, "x_processed")?, &copies, &weights, kept)?;
    close("the mixture", &got, get(&mixture, "mix")?, MIXED)
}

fn copies(mixture: &HashMap<String, Tensor>, count: usize) -> Result<Vec<Tensor>> {
    let copy = |at| Ok(get(mixture, &format!("aug{at}"))?.clone());
    (0..count).map(copy).collect()
}

fn operation(name: &Value) -> Result<Operation> {
    serde_json::from_value(name.clone()).with_context(|| format!("no operation {name}"))
}

/// The rows of a list that is not empty.
fn list(value: &Value) -> Result<&[Value]> {
    let list = value.as_array().context("no list")?;
    ensure!(!list.is_empty(), "an empty list");
    Ok(list)
}

/// A tensor `[3, height, width]` of bytes.
fn image(tensor: &Tensor) -> Result<RgbImage> {
    let (_, height, width) = tensor.dims3()?;
    let rows = tensor.permute((1, 2, 0))?.contiguous()?.flatten_all()?;
    let image = RgbImage::from_raw(width as u32, height as u32, rows.to_vec1::<u8>()?);
    image.context("not three channels")
}

/// Fails unless every byte is within `tolerance`.
fn near(what: &str, got: &RgbImage, expected: &Tensor, tolerance: u8) -> Result<()> {
    let expected = image(expected)?;
    ensure!(
        got.dimensions() == expected.dimensions(),
        "{what}: {:?} pixels; expected {:?}",
        got.dimensions(),
        expected.dimensions()
    );
    let pairs = got.iter().zip(expected.iter());
    let off = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    ensure!(off <= tolerance, "{what}: bytes differ by up to {off}");
    Ok(())
}
