//! Seconds of the image encoder alone, as lines of JSON: what `benches/forward/compare.py`
//! sets beside PyTorch and onnxruntime.
//!
//! `cargo bench --workspace --exclude clipwright-web --bench forward -- MODEL BATCH REPEATS`

use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use clipwright::{model, process};

fn main() -> Result<()> {
    // `cargo test` builds and starts every bench; it is to be run by name only.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let (Some(model), Some(batch), Some(repeats)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Ok(());
    };
    let (batch, repeats): (usize, usize) = (batch.parse()?, repeats.parse()?);
    process::keep_to_one_pool();
    process::keep_memory();
    let clip = model::clip(&model)?.0;
    let side = clip.config.image.side;
    let pixels = Tensor::zeros((batch, 3, side, side), DType::F32, &Device::Cpu)?;
    let mut seconds = Vec::new();
    for _ in 0..=repeats {
        let begun = Instant::now();
        clip.image.forward(&pixels)?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    // The first one warms up.
    println!(
        "{}",
        serde_json::to_string(&seconds[1..]).context("no JSON")?
    );
    Ok(())
}
