//! The names that CLIP's tensors go by in files.
//!
//! Inside clipwright a tensor has its name in OpenAI's state dict, everywhere. A
//! [`Naming`] says where a file keeps it.

use serde::{Deserialize, Serialize};

/// A way to name CLIP's tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// openai/CLIP's state dict; open_clip's native layout has the same names.
    OpenAi,
    /// open_clip's `CustomTextCLIP`: the text encoder under `text.`.
    OpenClipCustomText,
    /// transformers' `CLIPModel`.
    HuggingFace,
}

/// Where a file keeps a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As it is.
    Same(String),
    /// With rows and columns exchanged.
    Transposed(String),
    /// In equal parts, to be put one below the other.
    Parts([String; 3]),
}

impl Place {
    /// The names in the file.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Same(name) | Self::Transposed(name) => std::slice::from_ref(name),
            Self::Parts(names) => names,
        }
    }

    /// The tensors in the file, with their shapes, that make up a tensor of shape
    /// `dims`.
    pub fn split(self, dims: &[usize]) -> Vec<(String, Vec<usize>)> {
        match self {
            Self::Same(name) => vec![(name, dims.into())],
            Self::Transposed(name) => vec![(name, dims.iter().rev().copied().collect())],
            Self::Parts(names) => {
                let mut part = dims.to_vec();
                if let Some(rows) = part.first_mut() {
                    *rows /= names.len();
                }
                names.map(|name| (name, part.clone())).into()
            }
        }
    }
}

impl Naming {
    /// The naming of a file with these names, and what stands before each of
    /// them (`state_dict.`, `module.`), if they are a CLIP's.
    pub fn detect<'n>(names: impl Iterator<Item = &'n str>) -> Option<(Self, String)> {
        // The encoders' first tensors. Longer ones first: the text encoder's
        // name in OpenAI's naming ends the others'.
        const MARKS: [(&str, Naming); 5] = [
            (
                "vision_model.embeddings.patch_embedding.weight",
                Naming::HuggingFace,
            ),
            (
                "text_model.embeddings.token_embedding.weight",
                Naming::HuggingFace,
            ),
            ("text.token_embedding.weight", Naming::OpenClipCustomText),
            ("visual.conv1.weight", Naming::OpenAi),
            ("token_embedding.weight", Naming::OpenAi),
        ];
        let mut best: Option<(usize, Self, String)> = None;
        for name in names {
            let mark = MARKS.iter().enumerate().find_map(|(at, (mark, naming))| {
                let prefix = name.strip_suffix(mark)?;
                let whole = prefix.is_empty() || prefix.ends_with('.');
                whole.then(|| (at, *naming, prefix.to_string()))
            });
            if let Some(mark) = mark
                && best.as_ref().is_none_or(|best| mark.0 < best.0)
            {
                best = Some(mark);
            }
        }
        best.map(|(_, naming, prefix)| (naming, prefix))
    }

    /// Where a file of this naming keeps `name`, a name of OpenAI's state dict.
    pub fn place(self, name: &str) -> Place {
        match self {
            Self::OpenAi => Place::Same(name.into()),
            Self::OpenClipCustomText if name.starts_with("visual.") || name == "logit_scale" => {
                Place::Same(name.into())
            }
            Self::OpenClipCustomText => Place::Same(format!("text.{name}")),
            Self::HuggingFace => hugging_face(name),
        }
    }
}

/// Tensors outside the blocks: OpenAI's name, transformers' name.
const HUGGING_FACE: [(&str, &str); 13] = [
    (
        "visual.class_embedding",
        "vision_model.embeddings.class_embedding",
    ),
    (
        "visual.conv1.weight",
        "vision_model.embeddings.patch_embedding.weight",
    ),
    (
        "visual.positional_embedding",
        "vision_model.embeddings.position_embedding.weight",
    ),
    // The missing letter is in the released files.
    ("visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"),
    ("visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"),
    (
        "visual.ln_post.weight",
        "vision_model.post_layernorm.weight",
    ),
    ("visual.ln_post.bias", "vision_model.post_layernorm.bias"),
    (
        "token_embedding.weight",
        "text_model.embeddings.token_embedding.weight",
    ),
    (
        "positional_embedding",
        "text_model.embeddings.position_embedding.weight",
    ),
    ("ln_final.weight", "text_model.final_layer_norm.weight"),
    ("ln_final.bias", "text_model.final_layer_norm.bias"),
    ("visual.proj", "visual_projection.weight"),
    ("text_projection", "text_projection.weight"),
];

/// Parts of a block: OpenAI's name, transformers' name.
const HUGGING_FACE_BLOCK: [(&str, &str); 5] = [
    ("ln_1.", "layer_norm1."),
    ("ln_2.", "layer_norm2."),
    ("mlp.c_fc.", "mlp.fc1."),
    ("mlp.c_proj.", "mlp.fc2."),
    ("attn.out_proj.", "self_attn.out_proj."),
];

fn hugging_face(name: &str) -> Place {
    if let Some((_, theirs)) = HUGGING_FACE.iter().find(|(ours, _)| *ours == name) {
        return match name.ends_with("proj") || name == "text_projection" {
            true => Place::Transposed(theirs.to_string()),
            false => Place::Same(theirs.to_string()),
        };
    }
    let (encoder, block) = match name.strip_prefix("visual.transformer.resblocks.") {
        Some(block) => ("vision_model", Some(block)),
        None => ("text_model", name.strip_prefix("transformer.resblocks.")),
    };
    let Some((layer, part)) = block.and_then(|block| block.split_once('.')) else {
        return Place::Same(name.into()); // logit_scale
    };
    let prefix = format!("{encoder}.encoder.layers.{layer}");
    if let Some(kind) = part.strip_prefix("attn.in_proj_") {
        return Place::Parts(
            ["q", "k", "v"].map(|of| format!("{prefix}.self_attn.{of}_proj.{kind}")),
        );
    }
    let found = HUGGING_FACE_BLOCK
        .iter()
        .find_map(|(ours, theirs)| Some((theirs, part.strip_prefix(ours)?)));
    Place::Same(match found {
        Some((theirs, kind)) => format!("{prefix}.{theirs}{kind}"),
        None => format!("{prefix}.{part}"),
    })
}
