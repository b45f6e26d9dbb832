//! PEFT's adapters over transformers' `CLIPModel` (huggingface/peft
//! `save_pretrained`): `adapter_config.json`, and weights under
//! `base_model.model.vision_model.encoder.layers.N.self_attn.q_proj.lora_A.weight`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ReadOptions;
use super::layers::{Encoder, Layer, Layers, Place, values};
use super::notes::{KEY, Notes};
use super::peft_config::PeftConfig;
use super::source::foreign;
use crate::checkpoint::{LearnedFile, tensors_to_bytes};
use crate::clip::Projection;
use crate::error::{Error, Result};
use crate::formats::Checkpoint;
use crate::learners::Scaling;

/// The names of the two files.
pub const CONFIGURATION: &str = "adapter_config.json";
pub const ADAPTER: &str = "adapter_model.safetensors";

/// The factor on the cosine where neither the file nor a model says it.
const LOGIT_SCALE: f64 = 100.0;

/// The projections' names in transformers.
const NAMES: [(Projection, &str); 4] = [
    (Projection::Query, "q_proj"),
    (Projection::Key, "k_proj"),
    (Projection::Value, "v_proj"),
    (Projection::Output, "out_proj"),
];

/// Reads an adapter's weights with its configuration.
///
/// # Errors
/// [`Error::Configuration`] by field, [`Error::WrongFile`] by tensor, if it adapts
/// what is not adapted here.
pub(super) fn read(
    file: &Checkpoint<'_>,
    name: &str,
    configuration: &[u8],
    options: &ReadOptions,
) -> Result<LearnedFile> {
    let config = PeftConfig::read(name, configuration)?;
    let mut layers = Layers::default();
    for (a_name, stored) in &file.tensors {
        let unknown = || {
            let expected = "q_proj, k_proj, v_proj and out_proj of `vision_model` and \
                            `text_model`, as transformers' CLIPModel has them";
            foreign("a PEFT adapter", a_name, expected)
        };
        let (module, matrix) = module(a_name).ok_or_else(unknown)?;
        let place = place(module).ok_or_else(unknown)?;
        let other = match matrix {
            "A" => a_name.replace(".lora_A.", ".lora_B."),
            _ => a_name.replace(".lora_B.", ".lora_A."),
        };
        let pair = file
            .tensors
            .get(&other)
            .ok_or_else(|| Error::MissingTensor {
                name: other.clone(),
                expected: stored.dims.iter().rev().copied().collect::<Vec<_>>().into(),
            })?;
        if matrix == "A" {
            let pair = [values(a_name, stored)?, values(&other, pair)?];
            let layer = Layer::new(module, pair, config.scaling, config.alpha(module))?;
            if layers.0.insert(place, layer).is_some() {
                let reason = format!("it adapts {module} twice");
                return Err(Error::format("the PEFT adapter", reason));
            }
        }
    }
    let notes = Notes::read(file.metadata.get(KEY).map(String::as_str))?;
    let scale = notes
        .logit_scale
        .or(options.model.map(|model| model.logit_scale))
        .unwrap_or(LOGIT_SCALE);
    let (tensors, facts) = layers.to_learned(config.scaling, scale)?;
    let mut metadata = notes.adapter(options);
    metadata.facts.lora = Some(facts);
    Ok(LearnedFile { metadata, tensors })
}

/// The module's name in transformers' model, and which matrix of its adapter it is.
fn module(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_suffix(".weight")?;
    // Some files keep the adapter's name.
    let name = name.strip_suffix(".default").unwrap_or(name);
    let (module, matrix) = name.rsplit_once(".lora_")?;
    let start = ["vision_model.", "text_model."]
        .into_iter()
        .find_map(|mark| module.find(mark))?;
    let whole = start == 0 || module[..start].ends_with('.');
    (whole && matches!(matrix, "A" | "B")).then(|| (&module[start..], matrix))
}

fn place(module: &str) -> Option<Place> {
    let (encoder, rest) = match module.strip_prefix("vision_model.encoder.layers.") {
        Some(rest) => (Encoder::Image, rest),
        None => (
            Encoder::Text,
            module.strip_prefix("text_model.encoder.layers.")?,
        ),
    };
    let (block, rest) = rest.split_once('.')?;
    let name = rest.strip_prefix("self_attn.")?;
    let (projection, _) = NAMES.iter().find(|(_, known)| *known == name)?;
    Some((encoder, block.parse().ok()?, *projection))
}

fn module_name((encoder, block, projection): Place) -> String {
    let model = match encoder {
        Encoder::Image => "vision_model",
        Encoder::Text => "text_model",
    };
    let known = NAMES.iter().find(|(of, _)| *of == projection);
    let name = known.map_or("", |(_, name)| *name);
    format!("{model}.encoder.layers.{block}.self_attn.{name}")
}

/// The two files of a folder that PEFT loads over transformers' `CLIPModel`, by their
/// names. The prompt and the class names are in the weights' header, where PEFT does
/// not look.
///
/// # Errors
/// [`Error::Format`] if the file holds no adapter.
pub fn write(file: &LearnedFile) -> Result<[(&'static str, Vec<u8>); 2]> {
    let (layers, facts) = Layers::of(file)?;
    let sizes = facts.image.or(facts.text);
    let (rank, alpha) = sizes.map_or((1, 1.0), |sizes| (sizes.rank, sizes.alpha));
    let mut tensors = Vec::new();
    let mut modules = Vec::new();
    let (mut ranks, mut alphas) = (Map::new(), Map::new());
    for (&place, layer) in &layers.0 {
        let module = module_name(place);
        let own = match facts.scaling {
            Scaling::AlphaOverRank => layer.factor * layer.rank() as f64,
            Scaling::AlphaOverRootRank => layer.factor * (layer.rank() as f64).sqrt(),
        };
        // Both ways round a division: the alpha that was given, where it is that.
        let own = match facts.scaling.factor(layer.alpha, layer.rank()) == layer.factor {
            true => layer.alpha,
            false => own,
        };
        if layer.rank() != rank {
            ranks.insert(module.clone(), layer.rank().into());
        }
        if own != alpha {
            alphas.insert(module.clone(), whole(own));
        }
        for (letter, tensor) in [("A", &layer.a), ("B", &layer.b)] {
            let name = format!("base_model.model.{module}.lora_{letter}.weight");
            tensors.push((name, tensor.clone()));
        }
        modules.push(module);
    }
    let configuration = json!({
        "peft_type": "LORA",
        "auto_mapping": {
            "base_model_class": "CLIPModel",
            "parent_library": "transformers.models.clip.modeling_clip",
        },
        "base_model_name_or_path": null,
        "task_type": null,
        "inference_mode": true,
        "r": rank,
        "lora_alpha": whole(alpha),
        "lora_dropout": 0.0,
        "use_rslora": facts.scaling == Scaling::AlphaOverRootRank,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "modules_to_save": null,
        "target_modules": modules,
        "rank_pattern": ranks,
        "alpha_pattern": alphas,
    });
    let configuration = serde_json::to_string_pretty(&configuration)
        .map_err(|error| Error::format(CONFIGURATION, error))?;
    let header = BTreeMap::from([
        ("format".to_string(), "pt".to_string()),
        (KEY.to_string(), Notes::of(file).to_json()?),
    ]);
    let named: Vec<(&str, _)> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.clone()))
        .collect();
    Ok([
        (CONFIGURATION, (configuration + "\n").into_bytes()),
        (ADAPTER, tensors_to_bytes(&named, &header)?),
    ])
}

/// A number without its fraction, if it has none.
fn whole(number: f64) -> Value {
    match number.fract() == 0.0 && number.abs() < 1e15 {
        true => (number as i64).into(),
        false => number.into(),
    }
}
