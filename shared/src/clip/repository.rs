//! Which files of a folder, or of a repository of the Hub, make a model: by their names
//! alone.

use std::collections::BTreeSet;

use serde_json::Value;

/// Files of weights, the first choice first. open_clip's stand before the plain
/// ones: `model.safetensors` beside them is the image encoder alone in the
/// repositories that timm shares with open_clip.
pub const WEIGHT_FILES: [&str; 5] = [
    "open_clip_model.safetensors",
    "model.safetensors",
    SHARD_INDEX,
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
];

/// Names the files that weights are spread over.
pub const SHARD_INDEX: &str = "model.safetensors.index.json";

/// Configurations that lie beside weights.
pub const CONFIGURATION_FILES: [&str; 3] = [CONFIG, PREPROCESSOR_CONFIG, OPEN_CLIP_CONFIG];

pub const CONFIG: &str = "config.json";
pub const OPEN_CLIP_CONFIG: &str = "open_clip_config.json";
pub const PREPROCESSOR_CONFIG: &str = "preprocessor_config.json";

/// Why no file of weights is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoChoice<'a> {
    /// There is none.
    Nothing,
    /// There are several of the same rank.
    Several(Vec<&'a str>),
}

/// The file of weights to take out of `files`: one of [`WEIGHT_FILES`], or the only
/// `.pt`.
///
/// # Errors
/// [`NoChoice`] if none could hold a model's weights, or several could.
pub fn weight_file<'a>(files: &[&'a str]) -> Result<&'a str, NoChoice<'a>> {
    let here = |name: &&str| files.iter().find(|file| *file == name).copied();
    if let Some(found) = WEIGHT_FILES.iter().find_map(here) {
        return Ok(found);
    }
    let archives = files.iter().copied();
    let archives: Vec<&str> = archives
        .filter(|file| file.ends_with(".pt") && is_plain(file))
        .collect();
    match archives[..] {
        [only] => Ok(only),
        [] => Err(NoChoice::Nothing),
        _ => Err(NoChoice::Several(archives)),
    }
}

/// The files of `files` that say what `weights` alone do not: its own configurations;
/// without those, any.
pub fn configuration_files(files: &[&str], weights: &str) -> Vec<&'static str> {
    let own: &[&'static str] = match weights.starts_with("open_clip_") {
        true => &[OPEN_CLIP_CONFIG],
        false => &[CONFIG, PREPROCESSOR_CONFIG],
    };
    let here = |names: &[&'static str]| -> Vec<&'static str> {
        let names = names.iter().copied();
        names.filter(|name| files.contains(name)).collect()
    };
    match here(own) {
        none if none.is_empty() => here(&[CONFIG, OPEN_CLIP_CONFIG, PREPROCESSOR_CONFIG]),
        some => some,
    }
}

/// The files that an index of shards names, each once, whatever they are; none if it is
/// no index.
pub fn shard_names(index: &Value) -> Option<BTreeSet<&str>> {
    let map = index.get("weight_map")?.as_object()?;
    Some(
        map.values()
            .map(|name| name.as_str().unwrap_or(""))
            .collect(),
    )
}

/// Whether a name that an index gives can be a shard beside it.
pub fn is_shard(name: &str) -> bool {
    is_plain(name) && name.ends_with(".safetensors")
}

/// Whether a file lies in the repository's first folder and its name means the
/// same in a path and in a URL.
pub fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+@=".contains(&byte);
    !name.is_empty() && name.len() <= 255 && name.bytes().all(plain) && !name.starts_with('.')
}
