//! Every operation against finite differences, and every trainable tensor with
//! a gradient that is not zero: candle drops gradients without an error, so
//! nothing else would notice.

#[path = "gradients/halves.rs"]
mod halves;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor, Var};
use clipwright_shared::clip::{Clip, TokenRow, Weights, normalise};
use clipwright_shared::learners::{ClassTokenPosition, Coop, PromptTokens, text_features};
use clipwright_shared::ops::{self, Group, Sequences};

/// Seeded values between −1 and 1 (a multiplicative congruence: any will do).
fn values(dims: &[usize], seed: u32) -> Result<Var> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let count: usize = dims.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect();
    Ok(Var::from_vec(values, dims, &Device::Cpu)?)
}

/// Compares the gradients of `Σ w ∘ f(inputs)`, for fixed random `w`, with
/// central differences at a number of places of every input.
fn check(
    name: &str,
    inputs: &[Var],
    f: impl Fn(&[Var]) -> candle_core::Result<Tensor>,
) -> Result<()> {
    const STEP: f32 = 1e-2;
    const PLACES: usize = 12;
    let weights = values(f(inputs)?.dims(), 99)?;
    let loss = |inputs: &[Var]| f(inputs)?.mul(&weights)?.sum_all();
    let gradients = loss(inputs)?.backward()?;
    for (at, input) in inputs.iter().enumerate() {
        let gradient = gradients
            .get(input)
            .with_context(|| format!("{name}: input {at} has no gradient"))?;
        let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        let original = input.as_tensor().copy()?;
        let flat = original.flatten_all()?.to_vec1::<f32>()?;
        let largest = gradient.iter().fold(0f32, |most, g| most.max(g.abs()));
        ensure!(largest > 0.0, "{name}: the gradient of input {at} is zero");
        for place in (0..flat.len()).step_by(flat.len().div_ceil(PLACES)) {
            let shifted = |by: f32| -> Result<f32> {
                let mut moved = flat.clone();
                moved[place] += by;
                input.set(&Tensor::from_vec(moved, original.dims(), &Device::Cpu)?)?;
                Ok(loss(inputs)?.to_scalar()?)
            };
            let numeric = (shifted(STEP)? - shifted(-STEP)?) / (2.0 * STEP);
            input.set(&original)?;
            let off = (numeric - gradient[place]).abs();
            // The differences are in f32 and of second order: a percent is close.
            ensure!(
                off <= 1e-2 * largest.max(1.0),
                "{name}, input {at}, place {place}: {} by backward, {numeric} by differences",
                gradient[place]
            );
        }
    }
    Ok(())
}

#[test]
fn layer_norm() -> Result<()> {
    let inputs = [values(&[3, 5, 8], 1)?, values(&[8], 2)?, values(&[8], 3)?];
    check("layer_norm", &inputs, |x| {
        ops::layer_norm(&x[0], &x[1], &x[2], 1e-5)
    })
}

#[test]
fn linear_with_trained_weights() -> Result<()> {
    let inputs = [
        values(&[2, 3, 4], 1)?,
        values(&[5, 4], 2)?,
        values(&[5], 3)?,
    ];
    check("linear", &inputs, |x| {
        ops::linear(&x[0], &x[1], Some(&x[2]))
    })?;
    check("linear without bias", &inputs[..2], |x| {
        ops::linear(&x[0], &x[1], None)
    })
}

#[test]
fn linear_with_frozen_weights_differentiates_only_its_input() -> Result<()> {
    let weight = values(&[5, 4], 2)?.as_detached_tensor();
    let bias = values(&[5], 3)?.as_detached_tensor();
    let x = values(&[2, 3, 4], 1)?;
    check("frozen linear", std::slice::from_ref(&x), |x| {
        ops::linear(&x[0], &weight, Some(&bias))
    })?;
    let gradients = ops::linear(&x, &weight, Some(&bias))?
        .sum_all()?
        .backward()?;
    ensure!(
        gradients.get(&weight).is_none(),
        "a frozen weight was differentiated"
    );
    Ok(())
}

/// Sequences of several lengths: some share their beginnings, some stand alone.
fn sequences() -> Result<Sequences> {
    let group = |shared, own: &[usize]| Group {
        shared,
        own: own.to_vec(),
    };
    Ok(Sequences::new(vec![
        group(3, &[2, 1, 4]),
        group(0, &[5]),
        group(2, &[1, 1]),
    ])?)
}

#[test]
fn self_attention() -> Result<()> {
    let alike = Sequences::alike(2, 5);
    for causal in [false, true] {
        let qkv = [values(&[10, 3 * 8], 4)?];
        check("self_attention", &qkv, |x| {
            ops::self_attention(&x[0], &alike, 2, causal)
        })?;
    }
    let sequences = sequences()?;
    let qkv = [values(&[sequences.rows(), 3 * 8], 4)?];
    check("self_attention of sequences that share rows", &qkv, |x| {
        ops::self_attention(&x[0], &sequences, 2, true)
    })
}

#[test]
fn attention_of_one() -> Result<()> {
    for sequences in [Sequences::alike(2, 5), sequences()?] {
        let inputs = [
            values(&[sequences.count(), 8], 4)?,
            values(&[sequences.rows(), 2 * 8], 5)?,
        ];
        check("attention_of_one", &inputs, |x| {
            ops::attention_of_one(&x[0], &x[1], &sequences, 2)
        })?;
    }
    Ok(())
}

/// What the fused bodies give is what candle's own operations give, in the forward and in
/// the backward pass: those of f64 are composed of them.
#[test]
fn attention_fused_and_composed() -> Result<()> {
    for sequences in [Sequences::alike(2, 5), sequences()?] {
        let qkv = values(&[sequences.rows(), 3 * 8], 4)?;
        let queries = values(&[sequences.count(), 8], 5)?;
        let keys_values = values(&[sequences.rows(), 2 * 8], 6)?;
        type Attention<'a> = &'a dyn Fn(&[Tensor]) -> candle_core::Result<Tensor>;
        let cases: [(&[&Var], Attention<'_>); 2] = [
            (&[&qkv], &|x| {
                ops::self_attention(&x[0], &sequences, 2, true)
            }),
            (&[&queries, &keys_values], &|x| {
                ops::attention_of_one(&x[0], &x[1], &sequences, 2)
            }),
        ];
        for (inputs, attention) in cases {
            let both = [DType::F32, DType::F64].map(|dtype| -> Result<Vec<Tensor>> {
                let cast = inputs.iter().map(|input| input.to_dtype(dtype));
                let out = attention(&cast.collect::<candle_core::Result<Vec<_>>>()?)?;
                let out = out.to_dtype(DType::F32)?;
                let weights = values(out.dims(), 7)?.as_detached_tensor();
                let gradients = (&out * weights)?.sum_all()?.backward()?;
                let mut all = vec![out.detach()];
                for input in inputs {
                    all.push(gradients.get(input).context("no gradient")?.clone());
                }
                Ok(all)
            });
            let [fused, composed] = both;
            for (fused, composed) in fused?.iter().zip(composed?) {
                let off = (fused - composed)?.abs()?.max_all()?.to_scalar::<f32>()?;
                ensure!(off < 1e-5, "{sequences:?}: off by {off}");
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_no_attention_is_refused() -> Result<()> {
    ensure!(
        Sequences::new(vec![Group {
            shared: 1,
            own: vec![0]
        }])
        .is_err()
    );
    let sequences = sequences()?;
    let rows = sequences.rows();
    for (dims, heads, causal) in [
        ([rows - 1, 24], 2, true),
        ([rows, 24], 0, true),
        ([rows, 22], 2, true),
        ([rows, 24], 2, false),
    ] {
        let qkv = values(&dims, 1)?;
        let seen = ops::self_attention(&qkv, &sequences, heads, causal);
        ensure!(seen.is_err(), "{dims:?}, {heads} heads, causal: {causal}");
    }
    let (queries, others) = (values(&[2, 8], 1)?, values(&[rows, 16], 2)?);
    ensure!(ops::attention_of_one(&queries, &others, &sequences, 2).is_err());
    Ok(())
}

#[test]
fn activations_and_softmaxes() -> Result<()> {
    let x = [values(&[4, 6], 5)?];
    check("quick_gelu", &x, |x| {
        ops::Activation::QuickGelu.forward(&x[0])
    })?;
    check("gelu", &x, |x| ops::Activation::Gelu.forward(&x[0]))?;
    check("softmax", &x, |x| ops::softmax(&x[0]))?;
    check("log_softmax", &x, |x| ops::log_softmax(&x[0]))?;
    let labels = Tensor::new(&[1u32, 0, 5, 3], &Device::Cpu)?;
    check("cross_entropy", &x, |x| ops::cross_entropy(&x[0], &labels))
}

/// The weights of a small golden model, as variables.
fn variables() -> Result<Vec<(String, Var)>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/golden/clip/vit_a.weights.safetensors"
    );
    let weights = Weights::from_bytes(&std::fs::read(path)?, &Device::Cpu)?;
    weights
        .iter()
        .map(|entry| {
            let (name, tensor) = entry?;
            Ok((name.to_string(), Var::from_tensor(&tensor)?))
        })
        .collect()
}

#[test]
fn every_tensor_of_the_model_has_a_gradient_when_it_is_trained() -> Result<()> {
    let variables = variables()?;
    let tensor = |(name, variable): &(String, Var)| (name.clone(), variable.as_tensor().clone());
    let clip = Clip::load(Weights::from_tensors(variables.iter().map(tensor))?)?;
    let side = clip.config.image.side;
    let pixels = values(&[3, 3, side, side], 6)?.as_detached_tensor();
    let rows: Vec<TokenRow> = (0..3)
        .map(|row| TokenRow::new(vec![298, 5 + row, 17 * (row + 1), 299]))
        .collect();
    let image = normalise(&clip.image.forward(&pixels)?)?;
    let text = normalise(&clip.encode_tokens(&rows)?)?;
    let logits = image
        .matmul(&text.t()?)?
        .broadcast_mul(&clip.log_logit_scale.exp()?)?;
    let labels = Tensor::new(&[0u32, 1, 2], &Device::Cpu)?;
    let gradients = ops::cross_entropy(&logits, &labels)?.backward()?;
    for (name, variable) in &variables {
        let gradient = gradients
            .get(variable)
            .with_context(|| format!("{name} has no gradient"))?;
        let largest: f32 = gradient.abs()?.flatten_all()?.max(0)?.to_scalar()?;
        ensure!(
            largest > 0.0 && largest.is_finite(),
            "{name}: largest gradient {largest}"
        );
    }
    Ok(())
}

#[test]
fn every_context_has_a_gradient_and_the_frozen_model_none() -> Result<()> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/golden/clip/vit_a.weights.safetensors"
    );
    let weights = Weights::from_bytes(&std::fs::read(path)?, &Device::Cpu)?;
    let clip = Clip::load(weights.clone())?;
    let (n_ctx, width) = (4, clip.text.width());
    let row = |name: u32| vec![298, 0, 0, 0, 0, name, name + 1, 8, 299];
    let tokens = PromptTokens::from_rows(&[row(20), row(30)], n_ctx, vec![2, 2])?;
    for position in [
        ClassTokenPosition::Front,
        ClassTokenPosition::Middle,
        ClassTokenPosition::End,
    ] {
        for dims in [vec![n_ctx, width], vec![2, n_ctx, width]] {
            let context = values(&dims, 7)?;
            let coop = Coop {
                context: context.as_tensor().clone(),
                position,
                class_names: vec!["a".into(), "b".into()],
                words: None,
            };
            let prompts = coop.prompts(&clip, &tokens)?;
            let features = text_features(&clip, &prompts, context.as_tensor())?;
            let image = values(features.dims(), 8)?.as_detached_tensor();
            let gradients = (features * image)?.sum_all()?.backward()?;
            let gradient = gradients
                .get(&context)
                .context("the context has no gradient")?;
            let smallest_row: f32 = gradient
                .sqr()?
                .sum(dims.len() - 1)?
                .flatten_all()?
                .min(0)?
                .to_scalar()?;
            ensure!(
                smallest_row > 0.0,
                "{position:?}: a context vector has no gradient"
            );
            for entry in weights.iter() {
                let (name, tensor) = entry?;
                ensure!(
                    gradients.get(&tensor).is_none(),
                    "frozen {name} was differentiated"
                );
            }
        }
    }
    Ok(())
}
