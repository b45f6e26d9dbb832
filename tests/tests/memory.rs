//! How much memory a step holds, as a formula says: whoever makes an operation keep more
//! is told here.

#[path = "hostile/allocations.rs"]
mod allocations;

use std::fs;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor, Var};
use clipwright_shared::clip::{
    Adapter, Backbone, BlockAdapter, Clip, LowRank, Projection, TowerConfig, Weights,
};
use clipwright_tests::repository_root;

use allocations::{Counting, peak_of};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Held of each block until its turn in the backward pass, in widths of a row: what goes
/// into its halves, queries, keys and values, and what the activation takes.
const KEPT: usize = 9;
/// Beside that: one block's gradients, and the last one, which goes step by step.
const BESIDE: usize = 16;
const RANK: usize = 2;

#[test]
fn a_step_with_adapters_keeps_what_it_cannot_compute_again() -> Result<()> {
    let bytes = fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let clip = Clip::load(Weights::from_bytes(&bytes, &Device::Cpu)?)?;
    let config = &clip.config.image;
    let Backbone::Vit { patch, tower } = &config.backbone else {
        anyhow::bail!("the embedded model is a ViT");
    };
    let (adapter, variables) = adapter(tower)?;
    let clip = clip.adapted(&adapter.with_dropout(0.25, 1, None))?;
    let images = 16;
    let pixels = (images, 3, config.side, config.side);
    let pixels = Tensor::ones(pixels, DType::F32, &Device::Cpu)?;
    let step = || -> clipwright_shared::Result<_> {
        Ok(clip.image.forward(&pixels)?.sqr()?.sum_all()?.backward()?)
    };
    // What is laid out once and kept is not counted.
    step()?;
    let (gradients, peak) = peak_of(step);
    let gradients = gradients?;
    for variable in &variables {
        gradients.get(variable).context("no gradient")?;
    }
    let rows = images * ((config.side / patch).pow(2) + 1);
    let most = 4 * rows * tower.width * (KEPT * tower.layers + BESIDE);
    ensure!(
        peak <= most,
        "{peak} bytes at once; expected {most} at most"
    );
    Ok(())
}

/// Adapters of queries, keys and values in every block of the image encoder.
fn adapter(tower: &TowerConfig) -> Result<(Adapter, Vec<Var>)> {
    let mut variables = Vec::new();
    let mut matrix = |dims: (usize, usize)| -> Result<Tensor> {
        let variable = Var::rand(-1f32, 1f32, dims, &Device::Cpu)?;
        variables.push(variable.clone());
        Ok(variable.as_tensor().clone())
    };
    let mut image = Vec::new();
    for _ in 0..tower.layers {
        let mut parts = Vec::new();
        for projection in [Projection::Query, Projection::Key, Projection::Value] {
            let low_rank = LowRank {
                a: matrix((RANK, tower.width))?,
                b: matrix((tower.width, RANK))?,
                scaling: 0.5,
            };
            parts.push((projection, low_rank));
        }
        image.push(BlockAdapter {
            parts,
            ..BlockAdapter::default()
        });
    }
    let adapter = Adapter {
        image,
        text: Vec::new(),
    };
    Ok((adapter, variables))
}
