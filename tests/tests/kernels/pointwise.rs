//! QuickGELU, its gradient, and biases.

use anyhow::Result;
use clipwright_shared::ops::Activation;
use clipwright_shared::ops::cuda::{AddBias, QuickGelu, QuickGeluGrad};
use clipwright_tests::kernels::{Memory, run};

use crate::{TYPES, gradients, near, numbers, tensor, variable};

#[test]
fn quick_gelu_is_that_of_the_cpu() -> Result<()> {
    for (of, share) in TYPES {
        for count in [1, 255, 1000] {
            // Some of them so large that the sigmoid is 0 or 1.
            let values: Vec<f32> = numbers(count, 1).iter().map(|x| x * x * x * 90.0).collect();
            let mut x = Memory::of(of, &values);
            let mut grad = Memory::of(of, &numbers(count, 2));
            let of_x = variable(&x, &[count])?;
            let expected = Activation::QuickGelu.forward(&of_x)?;
            let [expected_grad] = gradients(&expected, &tensor(&grad, &[count])?, [&of_x])?;
            let (mut y, mut grad_x) = (Memory::room(of, count), Memory::room(of, count));
            let forward = QuickGelu {
                x: x.address(),
                y: y.address(),
                count: count as u64,
            };
            let backward = QuickGeluGrad {
                x: x.address(),
                grad: grad.address(),
                grad_x: grad_x.address(),
                count: count as u64,
            };
            // SAFETY: every address is that of `count` values.
            unsafe {
                run(forward, of);
                run(backward, of);
            }
            near(&format!("{of:?} [{count}]: y"), &y, &expected, share)?;
            near(
                &format!("{of:?} [{count}]: of x"),
                &grad_x,
                &expected_grad,
                share,
            )?;
        }
    }
    Ok(())
}

#[test]
fn a_bias_is_added_to_each_row() -> Result<()> {
    for (of, share) in TYPES {
        for [rows, width] in [[1, 1], [7, 33], [40, 12]] {
            let mut y = Memory::of(of, &numbers(rows * width, 1));
            let mut bias = Memory::of(of, &numbers(width, 2));
            let expected = tensor(&y, &[rows, width])?.broadcast_add(&tensor(&bias, &[width])?)?;
            let add = AddBias {
                y: y.address(),
                bias: bias.address(),
                count: (rows * width) as u64,
                width: width as u32,
            };
            // SAFETY: the addresses are those of so many values.
            unsafe { run(add, of) };
            near(&format!("{of:?} [{rows}, {width}]"), &y, &expected, share)?;
        }
    }
    Ok(())
}
