//! The kernels for CUDA, compiled for this machine's processor, against the CPU's own
//! operations, forwards and backwards, on small and awkward shapes.

mod attention;
mod dropout;
mod layer_norm;
mod optimizer;
mod pointwise;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor, Var};
use clipwright_tests::kernels::{Memory, Type};

/// Each type, and how far off a result may be of the largest: sums are in f32, in another
/// order; bf16 keeps 8 bits of what goes in and of what comes out.
const TYPES: [(Type, f32); 2] = [(Type::F32, 2e-5), (Type::Bf16, 0.01)];

/// Numbers that look random, between −1 and 1, others for each seed.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let number = |at: usize| ((at as f32 + 1.0) * (0.37 + seed as f32 * 0.11)).sin();
    (0..count).map(number).collect()
}

/// What lies there, as a variable on the CPU.
fn variable(memory: &Memory, dims: &[usize]) -> Result<Var> {
    Ok(Var::from_vec(memory.values(), dims, &Device::Cpu)?)
}

fn tensor(memory: &Memory, dims: &[usize]) -> Result<Tensor> {
    Ok(variable(memory, dims)?.as_detached_tensor())
}

/// The gradients of variables, given that of a result.
fn gradients<const N: usize>(
    result: &Tensor,
    upstream: &Tensor,
    of: [&Var; N],
) -> Result<[Tensor; N]> {
    let gradients = (result * upstream)?.sum_all()?.backward()?;
    Ok(of.map(|variable| {
        gradients
            .get(variable)
            .expect("a variable's gradient")
            .clone()
    }))
}

/// Fails unless each value is within this share of the largest.
fn near(what: &str, got: &Memory, expected: &Tensor, share: f32) -> Result<()> {
    let expected = expected.flatten_all()?.to_vec1::<f32>()?;
    let got = got.values();
    ensure!(got.len() == expected.len(), "{what}: {} values", got.len());
    let largest = expected
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
        let off = (got - expected).abs();
        // What is not a number is not near.
        ensure!(
            off <= share * largest.max(1e-3),
            "{what}, place {at}: {got}; expected {expected}, the largest is {largest}"
        );
    }
    Ok(())
}
