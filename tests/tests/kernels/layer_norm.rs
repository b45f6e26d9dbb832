//! LayerNorm and its gradients.

use anyhow::Result;
use clipwright_shared::ops::cuda::{
    LayerNorm, LayerNormGradWeightBias, LayerNormGradX, LayerNormStatistics,
};
use clipwright_shared::ops::layer_norm;
use clipwright_tests::kernels::{Memory, Type, run};

use crate::{TYPES, gradients, near, numbers, tensor, variable};

const EPSILON: f32 = 1e-5;

fn compare(of: Type, share: f32, [rows, width]: [usize; 2]) -> Result<()> {
    let what = format!("{of:?} [{rows}, {width}]");
    let count = rows * width;
    let mut x = Memory::of(of, &numbers(count, 1));
    let mut weight = Memory::of(of, &numbers(width, 2));
    let mut bias = Memory::of(of, &numbers(width, 3));
    let mut grad = Memory::of(of, &numbers(count, 4));

    let of_x = variable(&x, &[rows, width])?;
    let (of_weight, of_bias) = (variable(&weight, &[width])?, variable(&bias, &[width])?);
    let expected = layer_norm(&of_x, &of_weight, &of_bias, EPSILON.into())?;
    let upstream = tensor(&grad, &[rows, width])?;
    let expected_gradients = gradients(&expected, &upstream, [&of_x, &of_weight, &of_bias])?;

    let mut y = Memory::room(of, count);
    let mut grad_x = Memory::room(of, count);
    let mut statistics = Memory::room(Type::F32, 2 * rows);
    let mut both = Memory::room(of, 2 * width);
    let (of_rows, of_columns) = (rows as u32, width as u32);
    let forward = LayerNorm {
        x: x.address(),
        weight: weight.address(),
        bias: bias.address(),
        y: y.address(),
        rows: of_rows,
        width: of_columns,
        epsilon: EPSILON,
    };
    let of_input = LayerNormGradX {
        x: x.address(),
        weight: weight.address(),
        grad: grad.address(),
        grad_x: grad_x.address(),
        rows: of_rows,
        width: of_columns,
        epsilon: EPSILON,
    };
    let before = LayerNormStatistics {
        x: x.address(),
        statistics: statistics.address(),
        rows: of_rows,
        width: of_columns,
        epsilon: EPSILON,
    };
    let of_weight_and_bias = LayerNormGradWeightBias {
        x: x.address(),
        grad: grad.address(),
        statistics: statistics.address(),
        both: both.address(),
        rows: of_rows,
        width: of_columns,
    };
    // SAFETY: every address is that of memory as large as the kernels' arguments say.
    unsafe {
        run(forward, of);
        run(of_input, of);
        run(before, of);
        run(of_weight_and_bias, of);
    }
    near(&format!("{what}: y"), &y, &expected, share)?;
    let [of_x, of_weight, of_bias] = expected_gradients;
    near(&format!("{what}: of x"), &grad_x, &of_x, share)?;
    let both = both.values();
    let (got_weight, got_bias) = both.split_at(width);
    let got = Memory::of(Type::F32, got_weight);
    near(&format!("{what}: of the weight"), &got, &of_weight, share)?;
    let got = Memory::of(Type::F32, got_bias);
    near(&format!("{what}: of the bias"), &got, &of_bias, share)
}

#[test]
fn layer_norm_is_that_of_the_cpu() -> Result<()> {
    for (of, share) in TYPES {
        for shape in [[1, 7], [5, 32], [9, 33], [3, 100], [70, 48], [2, 768]] {
            compare(of, share, shape)?;
        }
    }
    Ok(())
}
