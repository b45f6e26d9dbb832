//! Every tensor that a model of given sizes has, under OpenAI's names.

use super::{Backbone, ImageConfig, TextConfig, TowerConfig};

/// A tensor's name and shape.
pub type Slot = (String, Vec<usize>);

/// The factor on the cosine; it counts as the text encoder's.
pub const LOGIT_SCALE: &str = "logit_scale";

/// The tensors of an image encoder into a joint space of `embed_dim` columns.
pub fn image_slots(config: &ImageConfig, embed_dim: usize) -> Vec<Slot> {
    let mut slots = Slots(Vec::new());
    match &config.backbone {
        Backbone::Vit { patch, tower } => {
            let width = tower.width;
            let grid = config.side / patch;
            slots.add("visual.class_embedding", &[width]);
            slots.add("visual.conv1.weight", &[width, 3, *patch, *patch]);
            slots.add("visual.positional_embedding", &[grid * grid + 1, width]);
            slots.affine("visual.ln_pre", width);
            slots.tower("visual.transformer", tower);
            slots.affine("visual.ln_post", width);
            slots.add("visual.proj", &[width, embed_dim]);
        }
        Backbone::ResNet { width, stages, .. } => {
            slots.resnet(*width, stages);
            let (channels, grid) = (32 * width, config.side / 32);
            let positions = "visual.attnpool.positional_embedding";
            slots.add(positions, &[grid * grid + 1, channels]);
            for (name, rows) in [
                ("q_proj", channels),
                ("k_proj", channels),
                ("v_proj", channels),
                ("c_proj", embed_dim),
            ] {
                slots.linear(&format!("visual.attnpool.{name}"), [rows, channels]);
            }
        }
    }
    slots.0
}

/// The tensors of a text encoder into a joint space of `embed_dim` columns, and
/// the factor on the cosine.
pub fn text_slots(config: &TextConfig, embed_dim: usize) -> Vec<Slot> {
    let width = config.tower.width;
    let mut slots = Slots(Vec::new());
    slots.add("token_embedding.weight", &[config.vocabulary, width]);
    slots.add("positional_embedding", &[config.context_length, width]);
    slots.tower("transformer", &config.tower);
    slots.affine("ln_final", width);
    slots.add("text_projection", &[width, embed_dim]);
    slots.add(LOGIT_SCALE, &[]);
    slots.0
}

/// Whether a tensor that no slot has may be there all the same: constants that
/// frameworks keep in their state dicts.
pub fn is_buffer(name: &str) -> bool {
    const BUFFERS: [&str; 6] = [
        "num_batches_tracked",
        "attn_mask",
        "position_ids",
        "input_resolution",
        "context_length",
        "vocab_size",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    BUFFERS.contains(&last)
}

/// Whether a slot is the weight of a linear layer in a block, and taken as such.
pub fn is_linear(name: &str) -> bool {
    const WEIGHTS: [&str; 4] = [
        "attn.in_proj_weight",
        "attn.out_proj.weight",
        "mlp.c_fc.weight",
        "mlp.c_proj.weight",
    ];
    WEIGHTS.iter().any(|weight| name.ends_with(weight))
}

/// Channels that a bottleneck multiplies by at its end.
pub const EXPANSION: usize = 4;

struct Slots(Vec<Slot>);

impl Slots {
    fn add(&mut self, name: &str, dims: &[usize]) {
        self.0.push((name.into(), dims.into()));
    }

    fn affine(&mut self, prefix: &str, width: usize) {
        self.add(&format!("{prefix}.weight"), &[width]);
        self.add(&format!("{prefix}.bias"), &[width]);
    }

    fn linear(&mut self, prefix: &str, [outputs, inputs]: [usize; 2]) {
        self.add(&format!("{prefix}.weight"), &[outputs, inputs]);
        self.add(&format!("{prefix}.bias"), &[outputs]);
    }

    fn tower(&mut self, prefix: &str, tower: &TowerConfig) {
        let (width, hidden) = (tower.width, tower.hidden);
        for layer in 0..tower.layers {
            let prefix = format!("{prefix}.resblocks.{layer}");
            self.affine(&format!("{prefix}.ln_1"), width);
            self.add(
                &format!("{prefix}.attn.in_proj_weight"),
                &[3 * width, width],
            );
            self.add(&format!("{prefix}.attn.in_proj_bias"), &[3 * width]);
            self.linear(&format!("{prefix}.attn.out_proj"), [width, width]);
            self.affine(&format!("{prefix}.ln_2"), width);
            self.linear(&format!("{prefix}.mlp.c_fc"), [hidden, width]);
            self.linear(&format!("{prefix}.mlp.c_proj"), [width, hidden]);
        }
    }

    /// A convolution without bias and the batch normalisation behind it.
    fn convolution(&mut self, names: [String; 2], [outputs, inputs, side]: [usize; 3]) {
        let [convolution, normalisation] = names;
        self.add(
            &format!("{convolution}.weight"),
            &[outputs, inputs, side, side],
        );
        self.affine(&normalisation, outputs);
        self.add(&format!("{normalisation}.running_mean"), &[outputs]);
        self.add(&format!("{normalisation}.running_var"), &[outputs]);
    }

    fn resnet(&mut self, width: usize, stages: &[usize; 4]) {
        let numbered = |prefix: &str, number: usize| {
            [
                format!("{prefix}.conv{number}"),
                format!("{prefix}.bn{number}"),
            ]
        };
        let half = width / 2;
        self.convolution(numbered("visual", 1), [half, 3, 3]);
        self.convolution(numbered("visual", 2), [half, half, 3]);
        self.convolution(numbered("visual", 3), [width, half, 3]);
        let mut inputs = width;
        for (stage, &blocks) in stages.iter().enumerate() {
            let planes = width << stage;
            for block in 0..blocks {
                let prefix = format!("visual.layer{}.{block}", stage + 1);
                self.convolution(numbered(&prefix, 1), [planes, inputs, 1]);
                self.convolution(numbered(&prefix, 2), [planes, planes, 3]);
                self.convolution(numbered(&prefix, 3), [EXPANSION * planes, planes, 1]);
                if block == 0 {
                    // Always there: a stage's first block widens or halves.
                    let names = [0, 1].map(|part| format!("{prefix}.downsample.{part}"));
                    self.convolution(names, [EXPANSION * planes, inputs, 1]);
                }
                inputs = EXPANSION * planes;
            }
        }
    }
}
