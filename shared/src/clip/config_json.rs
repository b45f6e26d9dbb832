//! The configuration files that other libraries ask for beside a model:
//! transformers' `config.json`, open_clip's `open_clip_config.json`.

use serde_json::{Value, json};

use super::{Backbone, ClipConfig, EndOfText, ImageConfig, TextConfig, TowerConfig};
use crate::error::{Error, Result};
use crate::ops::Activation;

/// transformers' `config.json` for these encoders; one of them may be left out.
///
/// # Errors
/// [`Error::Setting`] for a ResNet, which transformers' CLIP has not.
pub fn hugging_face_json(
    image: Option<&ImageConfig>,
    text: Option<&TextConfig>,
    embed_dim: usize,
) -> Result<Value> {
    let image = image
        .map(|image| hugging_face_image(image, embed_dim))
        .transpose()?;
    let text = text.map(|text| hugging_face_text(text, embed_dim));
    Ok(match (image, text) {
        (Some(image), Some(text)) => json!({
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": embed_dim,
            "vision_config": image,
            "text_config": text,
        }),
        (Some(mut image), None) => {
            image["architectures"] = json!(["CLIPVisionModelWithProjection"]);
            image
        }
        (None, text) => {
            let mut text = text.unwrap_or_default();
            text["architectures"] = json!(["CLIPTextModelWithProjection"]);
            text
        }
    })
}

fn hugging_face_image(image: &ImageConfig, embed_dim: usize) -> Result<Value> {
    let Backbone::Vit { patch, tower } = &image.backbone else {
        return Err(Error::setting(
            "the image encoder",
            "a ResNet, which transformers' CLIP has not",
            "a ViT",
        ));
    };
    let mut fields = hugging_face_tower(tower, embed_dim);
    fields["model_type"] = "clip_vision_model".into();
    fields["image_size"] = image.side.into();
    fields["patch_size"] = (*patch).into();
    fields["num_channels"] = 3.into();
    Ok(fields)
}

fn hugging_face_text(text: &TextConfig, embed_dim: usize) -> Value {
    let mut fields = hugging_face_tower(&text.tower, embed_dim);
    fields["model_type"] = "clip_text_model".into();
    fields["vocab_size"] = text.vocabulary.into();
    fields["max_position_embeddings"] = text.context_length.into();
    fields["bos_token_id"] = text.vocabulary.saturating_sub(2).into();
    fields["eos_token_id"] = match text.end_of_text {
        // With a 2 transformers takes the highest id.
        EndOfText::HighestId => 2.into(),
        EndOfText::Id(id) => id.into(),
    };
    fields
}

fn hugging_face_tower(tower: &TowerConfig, embed_dim: usize) -> Value {
    let activation = match tower.activation {
        Activation::QuickGelu => "quick_gelu",
        Activation::Gelu => "gelu",
    };
    json!({
        "hidden_size": tower.width,
        "intermediate_size": tower.hidden,
        "num_hidden_layers": tower.layers,
        "num_attention_heads": tower.heads,
        "hidden_act": activation,
        "layer_norm_eps": tower.epsilon,
        "projection_dim": embed_dim,
    })
}

/// open_clip's `open_clip_config.json`.
///
/// # Errors
/// [`Error::Setting`] if the two encoders have different activations, or an
/// epsilon that open_clip has not.
pub fn open_clip_json(config: &ClipConfig) -> Result<Value> {
    let text = &config.text.tower;
    let mut towers = vec![text];
    let mut vision = match &config.image.backbone {
        Backbone::Vit { patch, tower } => {
            towers.push(tower);
            json!({
                "layers": tower.layers,
                "width": tower.width,
                "patch_size": patch,
                "head_width": tower.width / tower.heads.max(1),
                "mlp_ratio": tower.hidden as f64 / tower.width as f64,
            })
        }
        Backbone::ResNet { width, stages, .. } => json!({
            "layers": stages,
            "width": width,
        }),
    };
    vision["image_size"] = config.image.side.into();
    let refused = |name: &str, got: String, expected: &str| {
        Err(Error::setting(
            name,
            got,
            format!("{expected}, in open_clip's configuration"),
        ))
    };
    for tower in towers {
        if tower.activation != text.activation {
            let both = format!("{:?} and {:?}", tower.activation, text.activation);
            return refused("the activation", both, "one for both encoders");
        }
        if tower.epsilon != 1e-5 {
            return refused("LayerNorm's epsilon", tower.epsilon.to_string(), "1e-5");
        }
    }
    Ok(json!({
        "model_cfg": {
            "embed_dim": config.embed_dim,
            "quick_gelu": text.activation == Activation::QuickGelu,
            "vision_cfg": vision,
            "text_cfg": {
                "context_length": config.text.context_length,
                "vocab_size": config.text.vocabulary,
                "width": text.width,
                "heads": text.heads,
                "layers": text.layers,
                "mlp_ratio": text.hidden as f64 / text.width as f64,
            },
        },
        "preprocess_cfg": {
            "mean": config.image.mean,
            "std": config.image.standard_deviation,
        },
    }))
}
