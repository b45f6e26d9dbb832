//! torchvision's crops and resizes of PIL images, byte for byte.

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use clipwright_shared::views::{CropBox, Filter, RgbImage, resample};

use super::case::{Case, get};

pub fn check_crops(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let source = image(get(&tensors, "src_rgb")?)?;
    let boxes = case.json["boxes_top_left_h_w"]
        .as_array()
        .context("no boxes")?;
    let mut compared = 0;
    for (key, expected) in &tensors {
        let parts: Vec<&str> = key.split('.').collect();
        let (backend, filter, side, at) = match parts[..] {
            ["src_rgb"] => continue,
            ["hflip"] => {
                let mut flipped = source.clone();
                image::imageops::flip_horizontal_in_place(&mut flipped);
                same(key, &flipped, &image(expected)?)?;
                continue;
            }
            [backend, filter, side, at] => (backend, filter, side, at),
            _ => bail!("no reader for {key}"),
        };
        match backend {
            "pil" => {}
            // torchvision's resize of tensors is another kernel, and not the one
            // that CLIP and CoOp read images with; clipwright has only PIL's.
            "tensor_aa" => continue,
            _ => bail!("no reader for {key}"),
        }
        let filter = match filter {
            "bicubic" => Filter::Bicubic,
            "bilinear" => Filter::Bilinear,
            _ => bail!("no reader for {key}"),
        };
        let side: u32 = side.parse()?;
        let part = crop_box(boxes.get(at.parse::<usize>()?).context("no such box")?)?;
        let got = resample(&source, part, [side, side], filter)?;
        same(key, &got, &image(expected)?)?;
        compared += 1;
    }
    ensure!(compared > 0, "nothing to compare");
    Ok(())
}

fn crop_box(value: &serde_json::Value) -> Result<CropBox> {
    let number = |at: usize| value[at].as_u64().map(|x| x as u32).context("no number");
    Ok(CropBox {
        top: number(0)?,
        left: number(1)?,
        height: number(2)?,
        width: number(3)?,
    })
}

/// `[3, height, width]` (u8) → an image.
fn image(tensor: &Tensor) -> Result<RgbImage> {
    let (_, height, width) = tensor.dims3()?;
    let rows = tensor.permute((1, 2, 0))?.flatten_all()?.to_vec1::<u8>()?;
    RgbImage::from_raw(width as u32, height as u32, rows).context("not three channels")
}

/// Fails unless every byte is the same.
fn same(key: &str, got: &RgbImage, expected: &RgbImage) -> Result<()> {
    ensure!(
        got.dimensions() == expected.dimensions(),
        "{key}: {:?}",
        got.dimensions()
    );
    let pairs = got.as_raw().iter().zip(expected.as_raw());
    let off = pairs.filter(|(a, b)| a != b).count();
    ensure!(off == 0, "{key}: {off} bytes differ");
    Ok(())
}
