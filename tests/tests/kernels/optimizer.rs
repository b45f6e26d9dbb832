//! Steps of the optimisers: the same to the bit.

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use clipwright_shared::ops::cuda::{AdamWRates, AdamWStep, SgdStep};
use clipwright_shared::train::{Optimizer, OptimizerSettings};
use clipwright_tests::kernels::{Memory, Type, run};

use crate::numbers;

const COUNT: usize = 300;
const LR: f64 = 0.03;

/// Those of AdamW's step of this number.
fn rates(steps: i32) -> AdamWRates {
    AdamWRates {
        lr: LR,
        betas: (0.9, 0.999),
        epsilon: 1e-8,
        weight_decay: 0.01,
        steps,
    }
}

fn step(optimizer: &mut Optimizer, variable: &Var, gradient: &[f32]) -> Result<()> {
    let gradient = Tensor::from_slice(gradient, COUNT, &Device::Cpu)?;
    let gradients = (variable.as_tensor() * gradient)?.sum_all()?.backward()?;
    Ok(optimizer.step(&gradients, LR)?)
}

#[test]
fn a_step_of_sgd_is_that_of_the_cpu() -> Result<()> {
    let variable = Var::from_vec(numbers(COUNT, 1), COUNT, &Device::Cpu)?;
    let mut optimizer = OptimizerSettings::coop().start(vec![variable.clone()]);
    let mut value = Memory::of(Type::F32, &numbers(COUNT, 1));
    let mut loss = Memory::of(Type::F32, &[2.5]);
    let mut velocity = Memory::of(Type::F32, &[0.0; COUNT]);
    for turn in 2..6 {
        let mut of_value = Memory::of(Type::F32, &numbers(COUNT, turn));
        step(&mut optimizer, &variable, &of_value.values())?;
        let kernel = SgdStep {
            value: value.address(),
            velocity: velocity.address(),
            gradient: of_value.address(),
            loss: loss.address(),
            rates: 0,
            count: COUNT as u64,
            lr: LR as f32,
            momentum: 0.9,
            weight_decay: 5e-4,
        };
        // SAFETY: every address is that of `COUNT` values.
        unsafe { run(kernel, Type::F32) };
        assert_eq!(value.values(), variable.to_vec1::<f32>()?, "step {turn}");
    }
    Ok(())
}

#[test]
fn a_step_of_adam_w_is_that_of_the_cpu() -> Result<()> {
    let variable = Var::from_vec(numbers(COUNT, 1), COUNT, &Device::Cpu)?;
    let mut optimizer = OptimizerSettings::adam_w(0.01).start(vec![variable.clone()]);
    let mut value = Memory::of(Type::F32, &numbers(COUNT, 1));
    let mut first = Memory::of(Type::F32, &[0.0; COUNT]);
    let mut second = Memory::of(Type::F32, &[0.0; COUNT]);
    for steps in 1..5 {
        let mut gradient = Memory::of(Type::F32, &numbers(COUNT, 1 + steps as usize));
        step(&mut optimizer, &variable, &gradient.values())?;
        let operands = [
            value.address(),
            first.address(),
            second.address(),
            gradient.address(),
        ];
        let step = AdamWStep::new(operands, 0, COUNT, rates(steps));
        // SAFETY: every address is that of `COUNT` values.
        unsafe { run(step, Type::F32) };
        assert_eq!(value.values(), variable.to_vec1::<f32>()?, "step {steps}");
    }
    Ok(())
}

/// A step that is recorded is told other numbers than it reads when it is made.
#[test]
fn a_recorded_step_reads_what_changes_from_memory() -> Result<()> {
    let adam_w = rates(3);
    let told = AdamWRates {
        lr: 0.0,
        weight_decay: 0.5,
        steps: 1,
        ..adam_w
    };
    let sgd = |[value, velocity, _, gradient]: [u64; 4], rates, lr| SgdStep {
        value,
        velocity,
        gradient,
        loss: 0,
        rates,
        count: COUNT as u64,
        lr,
        momentum: 0.9,
        weight_decay: 5e-4,
    };
    let memory = || [1, 2, 3, 4].map(|of| Memory::of(Type::F32, &numbers(COUNT, of)));
    let squares: Vec<f32> = numbers(COUNT, 3).iter().map(|it| it * it).collect();
    for is_adam_w in [false, true] {
        let [mut plain, mut recorded] = [memory(), memory()];
        for operands in [&mut plain, &mut recorded] {
            operands[2] = Memory::of(Type::F32, &squares);
        }
        let of_plain = plain.each_mut().map(Memory::address);
        let of_recorded = recorded.each_mut().map(Memory::address);
        // SAFETY: every address is that of `COUNT` values, those of the rates of as many as
        // each kernel reads.
        unsafe {
            match is_adam_w {
                false => {
                    let mut rates = Memory::of(Type::F32, &[LR as f32]);
                    run(sgd(of_plain, 0, LR as f32), Type::F32);
                    run(sgd(of_recorded, rates.address(), 7.0), Type::F32);
                }
                true => {
                    let mut rates = Memory::of(Type::F32, &adam_w.values());
                    run(AdamWStep::new(of_plain, 0, COUNT, adam_w), Type::F32);
                    let recorded = AdamWStep {
                        rates: rates.address(),
                        ..AdamWStep::new(of_recorded, 0, COUNT, told)
                    };
                    run(recorded, Type::F32);
                }
            }
        }
        for (plain, recorded) in plain.iter().zip(&recorded) {
            assert_eq!(recorded.values(), plain.values(), "AdamW: {is_adam_w}");
        }
        assert_ne!(recorded[0].values(), numbers(COUNT, 1), "nothing changed");
    }
    Ok(())
}

#[test]
fn a_loss_that_is_no_number_changes_nothing() {
    for loss in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut loss = Memory::of(Type::F32, &[loss]);
        let numbers = numbers(COUNT, 1);
        let mut operands = [(); 4].map(|()| Memory::of(Type::F32, &numbers));
        let addresses = operands.each_mut().map(Memory::address);
        let [value, first, _, gradient] = addresses;
        let sgd = SgdStep {
            value,
            velocity: first,
            gradient,
            loss: loss.address(),
            rates: 0,
            count: COUNT as u64,
            lr: 1.0,
            momentum: 0.9,
            weight_decay: 0.0,
        };
        let adam_w = AdamWStep::new(addresses, loss.address(), COUNT, rates(1));
        // SAFETY: every address is that of `COUNT` values, that of the loss of one.
        unsafe {
            run(sgd, Type::F32);
            run(adam_w, Type::F32);
        }
        assert!(operands.iter().all(|operand| operand.values() == numbers));
    }
}
