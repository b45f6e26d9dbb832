//! PIL's and torchvision's pixels, byte for byte.

mod crops;
mod images;
mod patches;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use clipwright_shared::views::{CropBox, RgbImage};
use serde_json::Value;

use super::case::Case;

pub fn check(case: &Case) -> Result<()> {
    match case.stem() {
        "info" => images::check(case),
        "patches" => patches::check(case),
        "patch_boxes" => patches::check_boxes(case),
        "resized_crop" => crops::check(case),
        "rrc_params" => crops::check_draws(case),
        _ => bail!("no reader for {}", case.path()),
    }
}

/// Four numbers of a JSON file.
fn four(value: &Value) -> Result<[u32; 4]> {
    let numbers: Vec<u32> = serde_json::from_value(value.clone())?;
    let numbers = numbers.try_into();
    numbers.map_err(|numbers| anyhow::anyhow!("four numbers expected: {numbers:?}"))
}

/// A box as torchvision writes it.
fn top_left_height_width(value: &Value) -> Result<CropBox> {
    let [top, left, height, width] = four(value)?;
    Ok(CropBox {
        left,
        top,
        width,
        height,
    })
}

/// `[3, height, width]` (u8) → an image.
fn image(tensor: &Tensor) -> Result<RgbImage> {
    let (_, height, width) = tensor.dims3()?;
    let rows = tensor.permute((1, 2, 0))?.flatten_all()?.to_vec1::<u8>()?;
    RgbImage::from_raw(width as u32, height as u32, rows).context("not three channels")
}

/// Fails unless every byte is the same.
fn same(what: &str, got: &RgbImage, expected: &Tensor) -> Result<()> {
    let off = largest_difference(what, got, expected)?;
    ensure!(off == 0, "{what}: bytes differ by up to {off}");
    Ok(())
}

/// How far the two are apart where they are furthest.
fn largest_difference(what: &str, got: &RgbImage, expected: &Tensor) -> Result<u8> {
    let expected = image(expected)?;
    let (size, wanted) = (got.dimensions(), expected.dimensions());
    ensure!(
        size == wanted,
        "{what}: {size:?} pixels; expected {wanted:?}"
    );
    let pairs = got.as_raw().iter().zip(expected.as_raw());
    Ok(pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0))
}
