//! Which program a file of learned tensors came from, by its names.

use crate::clip::Naming;
use crate::error::{Error, Result};
use crate::formats::Checkpoint;

/// The kinds of files that are understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Our own `learned.safetensors`.
    Clipwright,
    /// CoOp or CoCoOp; what stands before the names of the prompt learner's tensors.
    Coop(String),
    /// CLIP-LoRA's `save_lora`.
    ClipLora,
    /// LoRA of queries and values in one tensor.
    GroupedLora,
    Peft,
}

/// What is understood, for messages.
const UNDERSTOOD: &str = "clipwright's learned.safetensors, CoOp's or CoCoOp's model.pth.tar-N, \
                          CLIP-LoRA's .pt, LoRA layers `….attn.qkv.lora_A`, or a PEFT adapter's \
                          folder";

/// What the format of our own files begins with, whatever their version.
const OURS: &str = "clipwright-learned-";

/// What may stand before `ctx`.
const PREFIXES: [&str; 4] = [
    "state_dict.",
    "",
    "state_dict.prompt_learner.",
    "prompt_learner.",
];

impl Source {
    /// # Errors
    /// [`Error::WrongFile`] if it is none of them.
    pub(super) fn of(file: &Checkpoint<'_>) -> Result<Self> {
        let names = || file.tensors.keys().map(String::as_str);
        let format = file.metadata.get("format");
        if format.is_some_and(|format| format.starts_with(OURS)) {
            return Ok(Self::Clipwright);
        }
        let prefix = PREFIXES
            .into_iter()
            .find(|prefix| file.tensors.contains_key(&format!("{prefix}ctx")));
        if let Some(prefix) = prefix {
            return Ok(Self::Coop(prefix.into()));
        }
        if Naming::detect(names()).is_some() && !names().any(|name| name.contains("lora_")) {
            return Err(Error::WrongFile {
                found: "a model's weights".into(),
                expected: format!("what was learned on one: {UNDERSTOOD}"),
                remedy: "a model is given with --model",
            });
        }
        if names().any(|name| name.starts_with("weights.layer_")) {
            return Ok(Self::ClipLora);
        }
        if names().any(|name| name.contains(".attn.qkv.lora_")) {
            return Ok(Self::GroupedLora);
        }
        if names().any(|name| name.contains(".lora_A.") || name.contains(".lora_B.")) {
            return Ok(Self::Peft);
        }
        let mut found: Vec<String> = names().take(3).map(|name| format!("`{name}`")).collect();
        if file.tensors.len() > found.len() {
            found.push("…".into());
        }
        Err(Error::WrongFile {
            found: match file.tensors.is_empty() {
                true => "a file without tensors".into(),
                false => format!("a file with the tensors {}", found.join(", ")),
            },
            expected: UNDERSTOOD.into(),
            remedy: "`clipwright inspect FILE` lists what is in it",
        })
    }
}

/// A configuration alone, or nothing.
pub(super) fn no_weights(configuration: Option<&str>) -> Error {
    Error::WrongFile {
        found: match configuration {
            Some(name) => format!("{name} without its weights"),
            None => "no file".into(),
        },
        expected: UNDERSTOOD.into(),
        remedy: "a PEFT adapter is adapter_config.json with adapter_model.safetensors or .bin",
    }
}

/// More than one file of weights.
pub(super) fn two_weights(first: &str, second: &str) -> Error {
    Error::WrongFile {
        found: format!("two files of weights, {first} and {second}"),
        expected: "one".into(),
        remedy: "give each of them by itself",
    }
}

/// A PEFT adapter's weights without what its scaling is read from.
pub(super) fn no_configuration() -> Error {
    Error::WrongFile {
        found: "a PEFT adapter without its adapter_config.json, which holds its alpha".into(),
        expected: "both files".into(),
        remedy: "name the folder that both files lie in",
    }
}

/// A tensor that the kind of file has not.
pub(super) fn foreign(what: &str, name: &str, expected: &str) -> Error {
    Error::WrongFile {
        found: format!("{what} with the tensor `{name}`"),
        expected: expected.into(),
        remedy: "this variant of the method is not read here",
    }
}
