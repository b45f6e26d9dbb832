//! torchvision's crops: where they are cut, and what becomes of them.

use anyhow::{Context, Result, bail, ensure};
use clipwright_shared::views::{Draws, Filter, RandomResizedCrop, resample, resample_as_tensor};
use rand_mt::Mt;

use super::{image, largest_difference, same, top_left_height_width};
use crate::golden::case::{Case, get};

/// PyTorch adds in an order of its own in its vectorised loops: of the bytes of a
/// picture one or two are rounded the other way.
const TENSOR: u8 = 1;

pub fn check(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let source = image(get(&tensors, "src_rgb")?)?;
    let boxes = case.json["boxes_top_left_h_w"].as_array();
    let boxes = boxes.context("no boxes")?;
    let mut compared = [0, 0];
    for (key, expected) in &tensors {
        let parts: Vec<&str> = key.split('.').collect();
        let (backend, filter, side, at) = match parts[..] {
            ["src_rgb"] => continue,
            ["hflip"] => {
                let mut flipped = source.clone();
                ::image::imageops::flip_horizontal_in_place(&mut flipped);
                same(key, &flipped, expected)?;
                continue;
            }
            [backend, filter, side, at] => (backend, filter, side, at),
            _ => bail!("no reader for {key}"),
        };
        let filter = match filter {
            "bicubic" => Filter::Bicubic,
            "bilinear" => Filter::Bilinear,
            _ => bail!("no reader for {key}"),
        };
        let side: u32 = side.parse()?;
        let part = boxes.get(at.parse::<usize>()?).context("no such box")?;
        let part = top_left_height_width(part)?;
        match backend {
            "pil" => {
                let got = resample(&source, part, [side, side], filter)?;
                same(key, &got, expected)?;
                compared[0] += 1;
            }
            "tensor_aa" => {
                let got = resample_as_tensor(&source, part, [side, side], filter)?;
                let off = largest_difference(key, &got, expected)?;
                ensure!(off <= TENSOR, "{key}: bytes differ by up to {off}");
                compared[1] += 1;
            }
            _ => bail!("no reader for {key}"),
        }
    }
    ensure!(!compared.contains(&0), "nothing to compare");
    Ok(())
}

/// Boxes drawn with PyTorch's random numbers, a new seed for each.
pub fn check_draws(case: &Case) -> Result<()> {
    let size: [u32; 2] = serde_json::from_value(case.json["size_wh"].clone())?;
    let boxes = case.json["params_top_left_h_w"].as_array();
    let boxes = boxes
        .filter(|boxes| !boxes.is_empty())
        .context("no boxes")?;
    let first_seed = case.number("seed0")? as u32;
    for (seed, expected) in (first_seed..).zip(boxes) {
        let expected = top_left_height_width(expected)?;
        let got = RandomResizedCrop::default().draw(size[0], size[1], &mut PyTorch(Mt::new(seed)));
        ensure!(
            got == expected,
            "seed {seed}: {got:?}; expected {expected:?}"
        );
    }
    Ok(())
}

/// The Mersenne Twister as PyTorch draws from it on the CPU
/// (`aten/src/ATen/core/DistributionsHelper.h`).
struct PyTorch(Mt);

impl Draws for PyTorch {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        let (low, high) = (low as f32, high as f32);
        let random = (self.0.next_u32() & 0xff_ffff) as f32 / 16_777_216.0;
        f64::from(random * (high - low) + low)
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0.next_u32() % end
    }
}
