//! A GPU against the CPU: every operation that has a kernel, what is recorded and replayed,
//! learners' steps and whole trainings. With the feature `cuda` only, and then there must be
//! a GPU.
#![cfg(feature = "cuda")]

mod learners;
mod operations;
mod recordings;
mod trainings;

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use clipwright_shared::ops::cuda::device::open;

/// One test after another: opening a device waits for all that it does, which it must not
/// do while one of its streams records.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gpu() -> Result<Device> {
    open(0).context("no GPU")
}

/// Values between −1 and 1 that bf16 has, on the CPU.
fn values(dims: &[usize], seed: usize) -> Result<Tensor> {
    let count: usize = dims.iter().product();
    let value = |at: usize| ((at as f32 + 1.0) * (0.37 + seed as f32 * 0.11)).sin();
    let values: Vec<f32> = (0..count).map(value).collect();
    let values = Tensor::from_vec(values, dims, &Device::Cpu)?;
    Ok(values.to_dtype(DType::BF16)?.to_dtype(DType::F32)?)
}

fn near(what: &str, got: &Tensor, expected: &Tensor, share: f32) -> Result<()> {
    let got = got.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
    let off: f32 = (got - expected)?.abs()?.max_all()?.to_scalar()?;
    let largest: f32 = expected.abs()?.max_all()?.to_scalar()?;
    ensure!(
        off <= share * largest,
        "{what}: {off} off, the largest is {largest}"
    );
    Ok(())
}
