//! The halves of a block, whose backward passes are their own.

use anyhow::{Context, Result, ensure};
use candle_core::{Tensor, Var};
use clipwright_shared::ops::{
    self, Activation, Attending, Beside, Dropout, FeedForward, LayerNorm, Linear, LowRankPart,
    LowRanks, Sequences, Weight,
};

use super::{check, sequences, values};

const WIDTH: usize = 8;
const HEADS: usize = 2;
/// Ranks of the adapters of queries, values and the output.
const RANKS: [usize; 3] = [2, 1, 3];

fn frozen(dims: &[usize], seed: u32) -> Result<Tensor> {
    Ok(values(dims, seed)?.as_detached_tensor())
}

fn linear([outputs, inputs]: [usize; 2], seed: u32) -> Result<Linear> {
    Ok(Linear {
        weight: Weight::new(frozen(&[outputs, inputs], seed)?)?,
        bias: frozen(&[outputs], seed + 1)?,
    })
}

fn layer_norm(seed: u32) -> Result<LayerNorm> {
    Ok(LayerNorm {
        weight: frozen(&[WIDTH], seed)?,
        bias: frozen(&[WIDTH], seed + 1)?,
        epsilon: 1e-5,
    })
}

fn attending(causal: bool) -> Result<Attending> {
    Ok(Attending {
        norm: layer_norm(20)?,
        in_proj: linear([3 * WIDTH, WIDTH], 22)?,
        out_proj: linear([WIDTH, WIDTH], 24)?,
        heads: HEADS,
        causal,
    })
}

fn feed_forward(activation: Activation) -> Result<FeedForward> {
    Ok(FeedForward {
        norm: layer_norm(30)?,
        first: linear([2 * WIDTH, WIDTH], 32)?,
        activation,
        second: linear([WIDTH, 2 * WIDTH], 34)?,
    })
}

/// Adapters of queries, values and the output, with these matrices.
fn low_ranks(a: &Tensor, b: &Tensor, rate: Option<f64>) -> LowRanks {
    let beside = [
        Beside::Input { column: 0 },
        Beside::Input { column: 2 * WIDTH },
        Beside::Output,
    ];
    let parts = beside.into_iter().zip(RANKS).zip(1u64..);
    LowRanks {
        a: a.clone(),
        b: b.clone(),
        parts: parts
            .map(|((beside, rank), stream)| LowRankPart {
                beside,
                rank,
                scaling: 0.5 + rank as f64,
                dropout: rate.map(|rate| Dropout {
                    rate,
                    seed: 1,
                    stream,
                    key: None,
                }),
            })
            .collect(),
        detached_input: false,
    }
}

/// `x`, and the adapters' matrices.
fn inputs(rows: usize) -> Result<[Var; 3]> {
    let ranks = RANKS.iter().sum();
    Ok([
        values(&[rows, WIDTH], 11)?,
        values(&[ranks, WIDTH], 12)?,
        values(&[ranks, WIDTH], 13)?,
    ])
}

/// The attention half, put together from operations that are differentiated one by one.
fn composed(
    layers: &Attending,
    x: &Tensor,
    sequences: &Sequences,
    added: Option<&LowRanks>,
) -> candle_core::Result<Tensor> {
    let added = |x: &Tensor, projection: usize| -> candle_core::Result<Option<Tensor>> {
        let (Some(added), mut first) = (added, 0) else {
            return Ok(None);
        };
        for part in &added.parts {
            let rows = [&added.a, &added.b].map(|matrix| matrix.narrow(0, first, part.rank));
            first += part.rank;
            let own = match part.beside {
                Beside::Input { column } => column / WIDTH,
                Beside::Output => 3,
            };
            if own != projection {
                continue;
            }
            let x = match &part.dropout {
                Some(dropout) => dropout.forward(x)?,
                None => x.clone(),
            };
            let [a, b] = rows;
            return Ok(Some((x.matmul(&a?.t()?)?.matmul(&b?)? * part.scaling)?));
        }
        Ok(None)
    };
    let normed = layers.norm.forward(x)?;
    let mut parts = Vec::new();
    for projection in 0..3 {
        let part = layers.in_proj.outputs(projection * WIDTH, WIDTH)?;
        let part = part.forward(&normed)?;
        parts.push(match added(&normed, projection)? {
            Some(added) => (part + added)?,
            None => part,
        });
    }
    let qkv = Tensor::cat(&parts, 1)?;
    let attended = ops::self_attention(&qkv, sequences, layers.heads, layers.causal)?;
    let mut output = layers.out_proj.forward(&attended)?;
    if let Some(added) = added(&attended, 3)? {
        output = (output + added)?;
    }
    x + output
}

/// A result with the gradients of `inputs`, for fixed random upstream ones.
fn with_gradients(y: &Tensor, inputs: &[Var]) -> Result<Vec<Tensor>> {
    let upstream = values(y.dims(), 40)?.as_detached_tensor();
    let gradients = (y * upstream)?.sum_all()?.backward()?;
    let mut all = vec![y.detach()];
    for input in inputs {
        all.push(gradients.get(input).context("no gradient")?.clone());
    }
    Ok(all)
}

fn same(got: &[Tensor], expected: &[Tensor]) -> Result<()> {
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        let off = (got - expected)?.abs()?.max_all()?.to_scalar::<f32>()?;
        let most = expected.abs()?.max_all()?.to_scalar::<f32>()?;
        ensure!(off <= 1e-5 * most.max(1.0), "tensor {at} is off by {off}");
    }
    Ok(())
}

#[test]
fn the_attention_half_is_its_operations_one_by_one() -> Result<()> {
    let alike = Sequences::alike(2, 5);
    for (causal, sequences) in [(false, alike), (true, sequences()?)] {
        let layers = attending(causal)?;
        let inputs = inputs(sequences.rows())?;
        let x = inputs[0].as_tensor();
        let got = layers.forward(x, &sequences, None)?;
        let expected = composed(&layers, x, &sequences, None)?;
        same(
            &with_gradients(&got, &inputs[..1])?,
            &with_gradients(&expected, &inputs[..1])?,
        )?;
        for rate in [None, Some(0.4)] {
            let added = low_ranks(&inputs[1], &inputs[2], rate);
            let got = layers.forward(x, &sequences, Some(&added))?;
            let expected = composed(&layers, x, &sequences, Some(&added))?;
            same(
                &with_gradients(&got, &inputs)?,
                &with_gradients(&expected, &inputs)?,
            )?;
        }
        check("attention half", &inputs, |x| {
            let added = low_ranks(&x[1], &x[2], Some(0.2));
            layers.forward(&x[0], &sequences, Some(&added))
        })?;
    }
    Ok(())
}

#[test]
fn low_ranks_without_their_projections() -> Result<()> {
    let inputs = inputs(7)?;
    let inputs_alone = |x: &[Var]| {
        let mut added = low_ranks(&x[1], &x[2], Some(0.3));
        added.parts.pop();
        added.forward(&x[0])
    };
    check("low ranks", &inputs, inputs_alone)
}

#[test]
fn what_goes_into_adapters_can_be_left_without_their_gradient() -> Result<()> {
    let (sequences, layers) = (Sequences::alike(1, 4), attending(false)?);
    let inputs = inputs(4)?;
    let [x, a, b] = [0, 1, 2].map(|at| inputs[at].as_tensor());
    let gradients_of_x = |added: &LowRanks| -> Result<Tensor> {
        let y = layers.forward(x, &sequences, Some(added))?;
        Ok(with_gradients(&y, &inputs)?[1].clone())
    };
    let mut added = low_ranks(a, b, None);
    let whole = gradients_of_x(&added)?;
    added.detached_input = true;
    let part = gradients_of_x(&added)?;
    let off = (whole - part)?.abs()?.max_all()?.to_scalar::<f32>()?;
    ensure!(off > 1e-3, "the gradient is the same");
    // Without a gradient of its own, x gets none, and the adapters keep theirs.
    let y = layers.forward(&x.detach(), &sequences, Some(&added))?;
    with_gradients(&y, &inputs[1..])?;
    ensure!(with_gradients(&y, &inputs[..1]).is_err());
    Ok(())
}

#[test]
fn the_feed_forward_half_is_its_operations_one_by_one() -> Result<()> {
    for activation in [Activation::QuickGelu, Activation::Gelu] {
        let layers = feed_forward(activation)?;
        let x = [values(&[5, WIDTH], 11)?];
        check("feed-forward half", &x, |x| layers.forward(&x[0]))?;
        let got = layers.forward(&x[0])?;
        let hidden = layers.first.forward(&layers.norm.forward(&x[0])?)?;
        let hidden = activation.forward(&hidden)?;
        let expected = (x[0].as_tensor() + layers.second.forward(&hidden)?)?;
        same(&with_gradients(&got, &x)?, &with_gradients(&expected, &x)?)?;
        // The same result again, and a graph that was gone through before.
        same(&with_gradients(&got, &x)?, &with_gradients(&expected, &x)?)?;
    }
    Ok(())
}
