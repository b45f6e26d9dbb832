//! The notebook's patches with overlap.

use anyhow::{Context, Result, ensure};
use clipwright_shared::views::{CropBox, patch_boxes, patches};
use serde_json::Value;

use super::{four, image, same};
use crate::golden::case::{Case, get};

pub fn check(case: &Case) -> Result<()> {
    let tensors = case.tensors(case.stem())?;
    let source = image(get(&tensors, "src_rgb")?)?;
    let side = case.number("n_px")? as u32;
    let cases = case.json["cases"].as_array().context("no cases")?;
    ensure!(!cases.is_empty(), "no cases");
    for golden in cases {
        let (count, overlap) = count_and_overlap(golden)?;
        let what = format!("case {}", golden["case"]);
        let boxes = patch_boxes(source.width(), source.height(), count, overlap)?;
        same_boxes(&what, &boxes, &golden["boxes_left_upper_right_lower"])?;
        let got = patches(&source, count, overlap, side)?;
        ensure!(got.len() == boxes.len(), "{what}: {} patches", got.len());
        if got.is_empty() {
            continue;
        }
        let expected = get(&tensors, &format!("case{}.u8_{side}", golden["case"]))?;
        ensure!(
            expected.dim(0)? == got.len(),
            "{what}: {} patches",
            got.len()
        );
        for (at, patch) in got.iter().enumerate() {
            same(&format!("{what}, patch {at}"), patch, &expected.get(at)?)?;
        }
    }
    Ok(())
}

/// Boxes alone, for images of other sizes.
pub fn check_boxes(case: &Case) -> Result<()> {
    let rows = case.json.as_array().context("no rows")?;
    ensure!(!rows.is_empty(), "no rows");
    for golden in rows {
        let (count, overlap) = count_and_overlap(golden)?;
        let [width, height]: [u32; 2] = serde_json::from_value(golden["size_wh"].clone())?;
        let what = format!("{count} patches of {width} × {height}");
        let got = patch_boxes(width, height, count, overlap);
        match golden["error"].as_str() {
            Some(error) => ensure!(got.is_err(), "{what}: no error; expected {error}"),
            None => same_boxes(&what, &got?, &golden["boxes"])?,
        }
    }
    Ok(())
}

fn count_and_overlap(golden: &Value) -> Result<(u32, f64)> {
    let count = golden["n"].as_u64().context("no n")?;
    let overlap = golden["overlap"].as_f64().context("no overlap")?;
    Ok((u32::try_from(count)?, overlap))
}

fn same_boxes(what: &str, got: &[CropBox], expected: &Value) -> Result<()> {
    let expected = expected.as_array().context("no boxes")?;
    ensure!(
        got.len() == expected.len(),
        "{what}: {} boxes; expected {}",
        got.len(),
        expected.len()
    );
    for (got, expected) in got.iter().zip(expected) {
        let edges = [
            got.left,
            got.top,
            got.left + got.width,
            got.top + got.height,
        ];
        let expected = four(expected)?;
        ensure!(
            edges == expected,
            "{what}: {edges:?}; expected {expected:?}"
        );
    }
    Ok(())
}
