//! A GPU against the CPU: every operation that has a kernel, and trainings. With the feature
//! `cuda` only, and then there must be a GPU.
#![cfg(feature = "cuda")]

use std::fs;

use anyhow::{Context, Result, ensure};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use clipwright_shared::ops::{self, Group, Sequences};
use clipwright_shared::train::{Optimizer, OptimizerSettings};
use clipwright_tests::run_clipwright;
use serde_json::Value;

/// Each type, and how far off a result may be of the largest. Products of bf16 are rounded
/// to 8 bits, several times on the way.
const TYPES: [(DType, f32); 2] = [(DType::F32, 1e-4), (DType::BF16, 0.05)];

fn gpu() -> Result<Device> {
    Device::new_cuda(0).context("no GPU")
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

/// What an operation gives, and the gradients of all of its inputs, here and there.
fn compare(
    name: &str,
    inputs: &[Tensor],
    operation: impl Fn(&[Tensor]) -> candle_core::Result<Tensor>,
) -> Result<()> {
    let gpu = gpu()?;
    let run = |device: &Device, dtype: DType| -> Result<Vec<Tensor>> {
        let place = |input: &Tensor| input.to_device(device)?.to_dtype(dtype);
        let variables = inputs.iter().map(|input| Var::from_tensor(&place(input)?));
        let variables = variables.collect::<candle_core::Result<Vec<Var>>>()?;
        let tensors: Vec<Tensor> = variables.iter().map(|it| it.as_tensor().clone()).collect();
        let y = operation(&tensors)?;
        let gradients = (&y * place(&values(y.dims(), 9)?)?)?
            .sum_all()?
            .backward()?;
        let mut all = vec![y];
        for variable in &variables {
            all.push(gradients.get(variable).context("no gradient")?.clone());
        }
        Ok(all)
    };
    let expected = run(&Device::Cpu, DType::F32)?;
    for (dtype, share) in TYPES {
        for (at, (got, expected)) in run(&gpu, dtype)?.iter().zip(&expected).enumerate() {
            near(&format!("{name} in {dtype:?}, {at}"), got, expected, share)?;
        }
    }
    Ok(())
}

#[test]
fn layer_norm_linear_and_quick_gelu() -> Result<()> {
    for [rows, width] in [[1, 32], [70, 100], [300, 768]] {
        let x = values(&[rows, width], 1)?;
        let (weight, bias) = (values(&[width], 2)?, values(&[width], 3)?);
        compare("layer_norm", &[x.clone(), weight, bias], |x| {
            ops::layer_norm(&x[0], &x[1], &x[2], 1e-5)
        })?;
        let large = (&x * 20.0)?;
        compare("quick_gelu", &[large], |x| {
            ops::Activation::QuickGelu.forward(&x[0])
        })?;
        let (weight, bias) = (values(&[24, width], 4)?, values(&[24], 5)?);
        compare("linear", &[x.clone(), weight.clone(), bias], |x| {
            ops::linear(&x[0], &x[1], Some(&x[2]))
        })?;
        compare("linear without a bias", &[x, weight], |x| {
            ops::linear(&x[0], &x[1], None)
        })?;
    }
    Ok(())
}

#[test]
fn a_frozen_weight_has_no_gradient() -> Result<()> {
    let gpu = gpu()?;
    let x = Var::from_tensor(&values(&[7, 12], 1)?.to_device(&gpu)?)?;
    let weight = values(&[8, 12], 2)?.to_device(&gpu)?;
    let bias = values(&[8], 3)?.to_device(&gpu)?;
    let gradients = ops::linear(&x, &weight, Some(&bias))?
        .sum_all()?
        .backward()?;
    ensure!(gradients.get(&x).is_some(), "the input's");
    ensure!(gradients.get(&weight).is_none() && gradients.get(&bias).is_none());
    Ok(())
}

fn sequences(groups: &[(usize, Vec<usize>)]) -> Result<Sequences> {
    let groups = groups.iter().cloned();
    let groups = groups.map(|(shared, own)| Group { shared, own });
    Ok(Sequences::new(groups.collect())?)
}

#[test]
fn attention_of_every_kind() -> Result<()> {
    let prompts = sequences(&[
        (3, vec![2, 1, 4]),
        (0, vec![80]),
        (17, vec![5; 70]),
        (40, vec![1]),
    ])?;
    let images = sequences(&[(0, vec![197]), (0, vec![197]), (0, vec![50])])?;
    for [heads, width] in [[3, 4], [2, 36], [8, 64], [2, 128]] {
        for (sequences, causal) in [(&prompts, true), (&images, false)] {
            let columns = heads * width;
            let qkv = values(&[sequences.rows(), 3 * columns], 1)?;
            let name = format!("{heads} heads of {width}, causal: {causal}");
            compare(&name, &[qkv], |x| {
                ops::self_attention(&x[0], sequences, heads, causal)
            })?;
            let queries = values(&[sequences.count(), columns], 2)?;
            let others = values(&[sequences.rows(), 2 * columns], 3)?;
            compare(&format!("{name}, one query"), &[queries, others], |x| {
                ops::attention_of_one(&x[0], &x[1], sequences, heads)
            })?;
        }
    }
    Ok(())
}

/// Three steps with gradients that are the same everywhere.
fn steps(settings: OptimizerSettings, device: &Device) -> Result<Vec<f32>> {
    let variable = Var::from_tensor(&values(&[300], 1)?.to_device(device)?)?;
    let mut optimizer: Optimizer = settings.start(vec![variable.clone()]);
    for turn in 2..5 {
        let gradient = values(&[300], turn)?.to_device(device)?;
        let gradients: GradStore = (variable.as_tensor() * gradient)?.sum_all()?.backward()?;
        optimizer.step(&gradients, 0.03)?;
    }
    Ok(variable.to_device(&Device::Cpu)?.to_vec1()?)
}

#[test]
fn optimisers_step_to_the_same_bits() -> Result<()> {
    for settings in [OptimizerSettings::coop(), OptimizerSettings::adam_w(0.01)] {
        let expected = steps(settings, &Device::Cpu)?;
        ensure!(steps(settings, &gpu()?)? == expected, "{settings:?}");
    }
    Ok(())
}

#[test]
fn trainings_go_the_same_way() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    let run = |line: &str| -> Result<()> {
        let output = run_clipwright(here, line.split_whitespace())?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{line}: {error}");
        Ok(())
    };
    run("data generate shifted --out data --per-class 2")?;
    for method in [
        "coop --n-ctx 2 --epochs 2 --shots 1",
        "cocoop --epochs 1 --batch 5 --shots 1",
        "lora --steps 3 --rank 2 --dropout 0 --shots 1 --batch 4",
    ] {
        let result = |more: &str| -> Result<(f64, Vec<(String, Tensor)>)> {
            run(&format!(
                "train {method} --model tiny --data data --subset base {more} --out run --overwrite"
            ))?;
            let summary: Value = serde_json::from_slice(&fs::read(here.join("run/summary.json"))?)?;
            let loss = summary["last_epoch"]["loss"].as_f64().context("no loss")?;
            let file = here.join("run/learned.safetensors");
            let mut learned: Vec<_> = candle_core::safetensors::load(file, &Device::Cpu)?
                .into_iter()
                .collect();
            learned.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok((loss, learned))
        };
        let (expected_loss, expected) = result("--device cpu")?;
        for (more, share) in [("f32", 0.005), ("tf32", 0.05), ("bf16", 0.1)] {
            let (loss, learned) = result(&format!("--device cuda --precision {more}"))?;
            let off = (loss - expected_loss).abs() / expected_loss;
            ensure!(
                off < f64::from(share),
                "{method} in {more}: {loss}, {expected_loss}"
            );
            ensure!(learned.len() == expected.len());
            for ((name, got), (_, expected)) in learned.iter().zip(&expected) {
                ensure!(got.dtype() == DType::F32, "{name}");
                if more == "f32" {
                    near(&format!("{method}: {name}"), got, expected, share)?;
                }
            }
        }
    }
    Ok(())
}
