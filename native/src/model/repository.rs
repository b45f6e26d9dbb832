//! Which files of a folder, or of a repository of the Hub, make a model: what `shared`
//! tells by their names, and what has to be looked into.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use clipwright_shared::clip::repository::{
    CONFIG, NoChoice, OPEN_CLIP_CONFIG, SHARD_INDEX, WEIGHT_FILES, configuration_files, is_shard,
    shard_names, weight_file,
};
use serde_json::Value;

use crate::problem::problem;

/// An index or a configuration above this is none.
const LONGEST_JSON: u64 = 16 << 20;

/// The file of weights to take out of `files`.
///
/// # Errors
/// If none could hold a model's weights, or several could.
pub fn weights(files: &[String]) -> Result<&str> {
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    weight_file(&names).map_err(|why| match why {
        NoChoice::Nothing => {
            let held = match files {
                [] => "it is empty".into(),
                [one] => format!("it holds {one}"),
                [first, rest @ ..] => format!("it holds {first} and {} more", rest.len()),
            };
            problem(
                format!("no weights here: {held}"),
                format!("expected one of {} or a .pt file", WEIGHT_FILES.join(", ")),
            )
        }
        NoChoice::Several(archives) => problem(
            format!("several weights here: {}", archives.join(", ")),
            "download the one that you mean, and give its path as --model",
        ),
    })
}

/// The files of `files` that say what [`weights`] alone do not.
pub fn configs(files: &[String], weights: &str) -> Vec<&'static str> {
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    configuration_files(&names, weights)
}

/// The files that an index names, each once.
///
/// # Errors
/// If it is no index, or names what is no file beside it.
pub fn shards(index: &Path) -> Result<Vec<String>> {
    let read = || -> Result<Vec<String>> {
        let index = read_json(index)?;
        let names = shard_names(&index).ok_or_else(|| {
            problem(
                "no weight_map in it",
                "expected an index of safetensors files, as transformers writes it",
            )
        })?;
        for name in &names {
            if !is_shard(name) {
                return Err(problem(
                    format!("it names the file {name:?}"),
                    "expected safetensors files beside it",
                ));
            }
        }
        Ok(names.into_iter().map(String::from).collect())
    };
    read().with_context(|| format!("cannot read {}", index.display()))
}

/// The file of weights in a folder, if it and all of its shards are there.
pub fn weights_in(folder: &Path) -> Option<String> {
    let files: Vec<String> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        // A link to a blob that is gone is no file.
        .filter(|name| folder.join(name).is_file())
        .collect();
    let found = weights(&files).ok()?;
    let whole = found != SHARD_INDEX
        || shards(&folder.join(found)).is_ok_and(|shards| {
            let here = |shard: &String| files.contains(shard);
            !shards.is_empty() && shards.iter().all(here)
        });
    whole.then(|| found.into())
}

/// Whether the folder holds a CLIP, by its configuration; or, where that is
/// missing, by a tensor that every CLIP has.
pub fn is_clip(folder: &Path) -> bool {
    if let Ok(config) = read_json(&folder.join(OPEN_CLIP_CONFIG)) {
        let model = config.get("model_cfg").unwrap_or(&config);
        // SigLIP has a logit bias, CoCa a third transformer.
        return ["vision_cfg", "text_cfg"]
            .iter()
            .all(|key| model.get(key).is_some())
            && ["init_logit_bias", "multimodal_cfg"]
                .iter()
                .all(|key| model.get(key).is_none());
    }
    if let Ok(config) = read_json(&folder.join(CONFIG))
        && let Some(kind) = config.get("model_type")
    {
        return kind == "clip";
    }
    weights_in(folder).is_some_and(|weights| names_logit_scale(&folder.join(weights)))
}

/// Whether the header of a safetensors file names the logit scale.
fn names_logit_scale(path: &Path) -> bool {
    let read = || -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let mut header = Vec::new();
        let length = u64::from_le_bytes(length).min(LONGEST_JSON);
        file.take(length).read_to_end(&mut header)?;
        let name = b"\"logit_scale\"";
        Ok(header.windows(name.len()).any(|window| window == name))
    };
    path.extension().is_some_and(|kind| kind == "safetensors") && read().unwrap_or(false)
}

fn read_json(path: &Path) -> Result<Value> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LONGEST_JSON)
        .read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn takes_the_weights_of_the_whole_model() {
        for (held, expected, beside) in [
            // transformers
            (
                &[
                    "README.md",
                    "config.json",
                    "model.safetensors",
                    "preprocessor_config.json",
                    "pytorch_model.bin",
                ][..],
                "model.safetensors",
                &["config.json", "preprocessor_config.json"][..],
            ),
            // open_clip and timm in one repository: model.safetensors is a part.
            (
                &[
                    "config.json",
                    "model.safetensors",
                    "open_clip_config.json",
                    "open_clip_model.safetensors",
                ],
                "open_clip_model.safetensors",
                &["open_clip_config.json"],
            ),
            (
                &[
                    "config.json",
                    "model-00001-of-00002.safetensors",
                    "model.safetensors.index.json",
                    "pytorch_model.bin",
                ],
                "model.safetensors.index.json",
                &["config.json"],
            ),
            (
                &["config.json", "pytorch_model.bin", "tf_model.h5"],
                "pytorch_model.bin",
                &["config.json"],
            ),
            (
                &["open_clip_config.json", "open_clip_pytorch_model.bin"],
                "open_clip_pytorch_model.bin",
                &["open_clip_config.json"],
            ),
            (
                &["ViT-L-14-336px.pt", "open_clip_config.json"],
                "ViT-L-14-336px.pt",
                &["open_clip_config.json"],
            ),
            (&["model.safetensors"], "model.safetensors", &[]),
        ] {
            let held = files(held);
            assert_eq!(weights(&held).unwrap(), expected, "{held:?}");
            assert_eq!(configs(&held, expected), beside, "{held:?}");
        }
    }

    #[test]
    fn refuses_what_holds_no_weights_or_several() {
        for held in [
            &[][..],
            &["README.md"],
            &["a.pt", "b.pt"],
            &["deep/model.safetensors"],
            &["../model.pt"],
            &["deep/model.pt"],
            &["model.safetensors.bak", "a b.pt", ".pt"],
        ] {
            assert!(weights(&files(held)).is_err(), "{held:?}");
        }
    }

    #[test]
    fn reads_the_shards_of_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SHARD_INDEX);
        let index = r#"{"metadata": {}, "weight_map": {"a": "x-2.safetensors", "b": "x-1.safetensors", "c": "x-2.safetensors"}}"#;
        fs::write(&path, index).unwrap();
        assert_eq!(
            shards(&path).unwrap(),
            ["x-1.safetensors", "x-2.safetensors"]
        );
        for hostile in [
            "",
            "[]",
            "{}",
            r#"{"weight_map": 1}"#,
            r#"{"weight_map": {"a": 1}}"#,
            r#"{"weight_map": {"a": ""}}"#,
            r#"{"weight_map": {"a": "../x.safetensors"}}"#,
            r#"{"weight_map": {"a": "/x.safetensors"}}"#,
            r#"{"weight_map": {"a": "x.bin"}}"#,
        ] {
            fs::write(&path, hostile).unwrap();
            assert!(shards(&path).is_err(), "{hostile}");
            assert_eq!(weights_in(folder.path()), None, "{hostile}");
        }
    }

    #[test]
    fn weights_are_there_when_every_shard_is() {
        let folder = tempfile::tempdir().unwrap();
        let index = r#"{"weight_map": {"a": "x-1.safetensors", "b": "x-2.safetensors"}}"#;
        fs::write(folder.path().join(SHARD_INDEX), index).unwrap();
        fs::write(folder.path().join("x-1.safetensors"), "").unwrap();
        assert_eq!(weights_in(folder.path()), None);
        fs::write(folder.path().join("x-2.safetensors"), "").unwrap();
        assert_eq!(weights_in(folder.path()).as_deref(), Some(SHARD_INDEX));
    }

    #[test]
    fn tells_a_clip_from_its_neighbours() {
        let header = |names: &str| {
            let mut bytes = (names.len() as u64).to_le_bytes().to_vec();
            bytes.extend_from_slice(names.as_bytes());
            bytes
        };
        let tensor = |name: &str| header(&format!(r#"{{"{name}": {{}}}}"#));
        for (file, bytes, expected) in [
            ("config.json", br#"{"model_type": "clip"}"#.to_vec(), true),
            (
                "config.json",
                br#"{"model_type": "siglip"}"#.to_vec(),
                false,
            ),
            (
                "config.json",
                br#"{"architecture": "resnet50_clip"}"#.to_vec(),
                false,
            ),
            ("config.json", b"nonsense".to_vec(), false),
            (
                "open_clip_config.json",
                br#"{"model_cfg": {"vision_cfg": {}, "text_cfg": {}}}"#.to_vec(),
                true,
            ),
            (
                "open_clip_config.json",
                br#"{"model_cfg": {"vision_cfg": {}, "text_cfg": {}, "init_logit_bias": -10}}"#
                    .to_vec(),
                false,
            ),
            ("model.safetensors", tensor("logit_scale"), true),
            ("model.safetensors", tensor("lm_head.weight"), false),
            ("model.safetensors", u64::MAX.to_le_bytes().to_vec(), false),
            ("model.safetensors", Vec::new(), false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(file), &bytes).unwrap();
            assert_eq!(is_clip(folder.path()), expected, "{file}: {bytes:?}");
        }
    }
}
