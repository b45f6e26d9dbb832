//! Every operation that has a kernel, its gradients, and the optimisers.

use anyhow::{Context, Result, ensure};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use clipwright_shared::ops::{self, Dropout, Group, Sequences};
use clipwright_shared::train::{Optimizer, OptimizerSettings};

use crate::{alone, gpu, near, values};

/// Each type, and how far off a result may be of the largest. Products of bf16 are rounded
/// to 8 bits, several times on the way.
const TYPES: [(DType, f32); 2] = [(DType::F32, 1e-4), (DType::BF16, 0.05)];

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
    let _alone = alone();
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
    let _alone = alone();
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
    let _alone = alone();
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

/// What is dropped is what the CPU drops: by the seed, or a key that lies on the device.
#[test]
fn dropout_draws_what_the_cpu_draws() -> Result<()> {
    let _alone = alone();
    for is_told in [false, true] {
        let drop = |x: &[Tensor]| {
            let device = x[0].device();
            // A key that lies on the device goes before the seed, of which nothing is known.
            let is_told = is_told && device.is_cuda();
            let key = is_told.then(|| Tensor::new(&Dropout::key_of(7)[..], device));
            let dropout = Dropout {
                rate: 0.25,
                seed: if is_told { 8 } else { 7 },
                stream: 3,
                key: key.transpose()?,
            };
            dropout.forward(&x[0])
        };
        compare("dropout", &[values(&[70, 33], 1)?], drop)?;
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
    let _alone = alone();
    for settings in [OptimizerSettings::coop(), OptimizerSettings::adam_w(0.01)] {
        let expected = steps(settings, &Device::Cpu)?;
        ensure!(steps(settings, &gpu()?)? == expected, "{settings:?}");
    }
    Ok(())
}
