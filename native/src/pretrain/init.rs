//! First weights, drawn as openai/CLIP `initialize_parameters` draws them.

use candle_core::{Device, Var};
use clipwright_shared::Result;
use rand::Rng;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};

/// The sizes of a CLIP to be trained from scratch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    /// Side of an image in pixels; a multiple of `patch`.
    pub image_side: usize,
    pub patch: usize,
    /// Width of both encoders and of the joint space; a multiple of 64.
    pub width: usize,
    pub image_layers: usize,
    pub text_layers: usize,
    /// Token ids: CLIP's most frequent merges.
    pub vocabulary: usize,
    pub context_length: usize,
}

impl Default for Sizes {
    /// The embedded model's.
    fn default() -> Self {
        Self {
            image_side: 64,
            patch: 8,
            width: 128,
            image_layers: 4,
            text_layers: 3,
            vocabulary: 3072,
            context_length: 77,
        }
    }
}

/// The value that a parameter starts from.
enum Start {
    Normal(f64),
    Constant(f32),
}

/// Every parameter as a variable, under its name in OpenAI's state dict.
pub(super) fn variables(sizes: &Sizes, random: &mut impl Rng) -> Result<Vec<(String, Var)>> {
    let width = sizes.width;
    let root = (width as f64).powf(-0.5);
    let grid = sizes.image_side / sizes.patch;
    let patch = sizes.patch;
    let patch_root = ((3 * patch * patch) as f64).powf(-0.5);
    let mut list = vec![
        (
            "logit_scale".into(),
            vec![],
            Start::Constant((1.0f32 / 0.07).ln()),
        ),
        (
            "positional_embedding".into(),
            vec![sizes.context_length, width],
            Start::Normal(0.01),
        ),
        (
            "text_projection".into(),
            vec![width, width],
            Start::Normal(root),
        ),
        (
            "token_embedding.weight".into(),
            vec![sizes.vocabulary, width],
            Start::Normal(0.02),
        ),
        (
            "visual.class_embedding".into(),
            vec![width],
            Start::Normal(root),
        ),
        (
            "visual.conv1.weight".into(),
            vec![width, 3, patch, patch],
            Start::Normal(patch_root),
        ),
        (
            "visual.positional_embedding".into(),
            vec![grid * grid + 1, width],
            Start::Normal(root),
        ),
        (
            "visual.proj".into(),
            vec![width, width],
            Start::Normal(root),
        ),
    ];
    for name in ["ln_final", "visual.ln_pre", "visual.ln_post"] {
        norm(&mut list, name, width);
    }
    transformer(&mut list, "transformer", width, sizes.text_layers);
    transformer(&mut list, "visual.transformer", width, sizes.image_layers);

    list.into_iter()
        .map(|(name, dims, start)| Ok((name, variable(&dims, &start, random)?)))
        .collect()
}

type Parameters = Vec<(String, Vec<usize>, Start)>;

fn norm(list: &mut Parameters, name: &str, width: usize) {
    list.push((format!("{name}.weight"), vec![width], Start::Constant(1.0)));
    list.push((format!("{name}.bias"), vec![width], Start::Constant(0.0)));
}

fn transformer(list: &mut Parameters, prefix: &str, width: usize, layers: usize) {
    let root = (width as f64).powf(-0.5);
    let residual = root * (2.0 * layers as f64).powf(-0.5);
    let hidden = (2.0 * width as f64).powf(-0.5);
    for layer in 0..layers {
        let block = format!("{prefix}.resblocks.{layer}");
        norm(list, &format!("{block}.ln_1"), width);
        norm(list, &format!("{block}.ln_2"), width);
        for (name, rows, columns, deviation) in [
            ("attn.in_proj_", 3 * width, width, root),
            ("attn.out_proj.", width, width, residual),
            ("mlp.c_fc.", 4 * width, width, hidden),
            ("mlp.c_proj.", width, 4 * width, residual),
        ] {
            let dims = vec![rows, columns];
            list.push((
                format!("{block}.{name}weight"),
                dims,
                Start::Normal(deviation),
            ));
            list.push((
                format!("{block}.{name}bias"),
                vec![rows],
                Start::Constant(0.0),
            ));
        }
    }
}

fn variable(dims: &[usize], start: &Start, random: &mut impl Rng) -> Result<Var> {
    let count = dims.iter().product();
    let values: Vec<f32> = match *start {
        Start::Constant(value) => vec![value; count],
        Start::Normal(deviation) => {
            let normal = Normal::new(0.0, deviation).map_err(|_| {
                clipwright_shared::Error::setting("a deviation", deviation, "a finite number")
            })?;
            (0..count).map(|_| normal.sample(random) as f32).collect()
        }
    };
    Ok(Var::from_vec(values, dims, &Device::Cpu)?)
}
