//! `clipwright inspect`: what a file of weights is.

use anyhow::Result;
use clipwright_shared::Error;
use clipwright_shared::clip::{
    Backbone, EndOfText, ImageConfig, ModelFile, Naming, TextConfig, TowerConfig, TowerHints,
};
use clipwright_shared::formats::{Checkpoint, Container, StoredType};
use clipwright_shared::ops::Activation;
use serde_json::{Value, json};

use crate::args::Inspect;
use crate::model;

/// Tensors shown of a file that is no CLIP.
const SHOWN: usize = 12;

/// Looks at the headers only, whatever the size of the file.
pub fn run(args: &Inspect) -> Result<()> {
    let files = model::find(&args.file)?;
    let checkpoints = files.checkpoints()?;
    let containers: Vec<&str> = checkpoints
        .iter()
        .map(|file| container(file.container))
        .collect();
    let tensors = tensors(&checkpoints);
    let values: serde_json::Map<String, Value> = checkpoints
        .iter()
        .flat_map(|file| file.values.clone())
        .collect();
    let metadata: serde_json::Map<String, Value> = checkpoints
        .iter()
        .flat_map(|file| file.metadata.clone())
        .map(|(key, value)| (key, value.into()))
        .collect();
    let mut report = json!({
        "files": files.paths,
        "bytes": files.bytes(),
        "container": containers.first(),
    });
    match ModelFile::open(checkpoints, &files.configurations) {
        Ok(file) => report["clip"] = describe(&file),
        Err(Error::NotClip { .. }) => {
            report["metadata"] = metadata.into();
            report["values"] = values.into();
        }
        // A CLIP whose sizes cannot be read: say why, and show the tensors.
        Err(error) => report["problems"] = json!([error.to_string()]),
    }
    let is_clip = report.get("clip").is_some();
    if args.json {
        if args.tensors || !is_clip {
            report["tensors"] = tensors.into();
        }
        println!("{report}");
        return Ok(());
    }
    print(&report, "");
    let shown = match (args.tensors, is_clip) {
        (true, _) => tensors.len(),
        (false, true) => 0,
        (false, false) => SHOWN,
    };
    if shown > 0 {
        println!("tensors: {}", tensors.len());
    }
    for tensor in tensors.iter().take(shown) {
        let [name, dtype, shape] = ["name", "dtype", "shape"].map(|key| &tensor[key]);
        println!("  {}  {} {shape}", plain(name), plain(dtype));
    }
    if shown > 0 && tensors.len() > shown {
        println!("  … {} more; --tensors lists all", tensors.len() - shown);
    }
    Ok(())
}

fn container(container: Container) -> &'static str {
    match container {
        Container::Safetensors => "safetensors",
        Container::TorchZip => "torch.save (zip)",
        Container::TorchLegacy => "torch.save before 1.6",
        Container::TorchScript => "TorchScript archive (its code is not run)",
    }
}

fn tensors(checkpoints: &[Checkpoint<'_>]) -> Vec<Value> {
    checkpoints
        .iter()
        .flat_map(|file| &file.tensors)
        .map(|(name, tensor)| {
            json!({"name": name, "dtype": tensor.dtype.name(), "shape": tensor.dims})
        })
        .collect()
}

fn describe(file: &ModelFile<'_>) -> Value {
    let naming = match file.naming {
        Naming::OpenAi => "OpenAI's (and open_clip's native layout)",
        Naming::OpenClipCustomText => "open_clip's custom text layout",
        Naming::HuggingFace => "Hugging Face's",
    };
    let (values, types) = file.contents();
    let name = |dtype: &StoredType| match dtype {
        StoredType::I8 => "int8 with a scale for each output channel",
        other => other.name(),
    };
    let types: Vec<&str> = types.keys().map(name).collect();
    let mut clip = json!({
        "naming": naming,
        "parameters": values,
        "stored as": types.join(", "),
        "joint space": file.embed_dim,
    });
    if !file.prefix.is_empty() {
        clip["prefix of names"] = file.prefix.clone().into();
    }
    clip["image encoder"] = match &file.image {
        Some(image) => image_encoder(image, &file.hints.image),
        None => "none in this file".into(),
    };
    clip["text encoder"] = match &file.text {
        Some(text) => text_encoder(text, &file.hints.text),
        None if file.carries_zero_shot() => "left out: class features are in its place".into(),
        None => "none in this file".into(),
    };
    let problems: Vec<String> = file.audit().lines().collect();
    clip["problems"] = match problems.is_empty() {
        true => "none: every tensor is there, of the right shape, and none is left over".into(),
        false => problems.into(),
    };
    clip
}

fn image_encoder(image: &ImageConfig, hints: &TowerHints) -> Value {
    let mut fields = match &image.backbone {
        Backbone::Vit { patch, tower } => {
            let mut fields = tower_fields(tower, hints);
            fields["kind"] = "ViT".into();
            fields["patch"] = (*patch).into();
            fields
        }
        Backbone::ResNet {
            width,
            stages,
            heads,
        } => json!({
            "kind": "ModifiedResNet",
            "width": width,
            "bottlenecks": stages,
            "heads of the pool": heads,
        }),
    };
    fields["image side"] = image.side.into();
    fields["mean"] = json!(image.mean);
    fields["standard deviation"] = json!(image.standard_deviation);
    fields
}

fn text_encoder(text: &TextConfig, hints: &TowerHints) -> Value {
    let mut fields = tower_fields(&text.tower, hints);
    fields["vocabulary"] = text.vocabulary.into();
    fields["context length"] = text.context_length.into();
    fields["end of text"] = match text.end_of_text {
        EndOfText::HighestId => "the highest id of a row".into(),
        EndOfText::Id(id) => format!("the first {id} of a row").into(),
    };
    fields
}

fn tower_fields(tower: &TowerConfig, hints: &TowerHints) -> Value {
    let activation = match tower.activation {
        Activation::QuickGelu => "QuickGELU",
        Activation::Gelu => "GELU",
    };
    let source = match hints.activation {
        Some(_) => "",
        None => " (no configuration says; as in OpenAI's models)",
    };
    json!({
        "width": tower.width,
        "layers": tower.layers,
        "heads": tower.heads,
        "feed-forward width": tower.hidden,
        "activation": format!("{activation}{source}"),
    })
}

/// Fields line by line, nested ones indented.
fn print(value: &Value, indent: &str) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(fields) if fields.is_empty() => {}
            Value::Object(_) => {
                println!("{indent}{key}:");
                print(value, &format!("{indent}  "));
            }
            Value::Array(lines) if lines.iter().any(Value::is_string) => {
                println!("{indent}{key}:");
                for line in lines {
                    println!("{indent}  {}", plain(line));
                }
            }
            _ => println!("{indent}{key}: {}", plain(value)),
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_string)
}
