//! What a repository holds, and which of its files make a model.

use clipwright_shared::clip::repository::{
    NoChoice, SHARD_INDEX, WEIGHT_FILES, configuration_files, is_shard, shard_names, weight_file,
};
use serde::Deserialize;

use super::repository::is_commit;
use crate::state::Problem;

/// A repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub commit: String,
    files: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct File {
    rfilename: String,
    /// Left out by some mirrors.
    size: Option<u64>,
}

/// The files that make a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// One file of weights, or the index of several.
    pub weights: String,
    /// What weights alone do not tell.
    pub configurations: Vec<String>,
}

impl Choice {
    /// Whether the weights are spread over files that an index names.
    pub fn is_sharded(&self) -> bool {
        self.weights == SHARD_INDEX
    }
}

impl Listing {
    /// Reads the Hub's description of a repository.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(json: &str) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Info {
            sha: String,
            #[serde(default)]
            siblings: Vec<File>,
        }
        let info = serde_json::from_str::<Info>(json)
            .ok()
            .filter(|info| is_commit(&info.sha));
        let info = info.ok_or_else(|| {
            Problem::new(
                "the Hub's description of the repository cannot be read",
                "is there a network that asks you to sign in first? Try again later",
            )
        })?;
        Ok(Self {
            commit: info.sha,
            files: info.siblings,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.rfilename == name)
    }

    /// Bytes of a file, if they are told.
    pub fn size(&self, name: &str) -> Option<u64> {
        let mut files = self.files.iter();
        files.find(|file| file.rfilename == name)?.size
    }

    /// The files that make a model.
    ///
    /// # Errors
    /// If none could hold a model's weights, or several could.
    pub fn choose(&self) -> Result<Choice, Problem> {
        // An archive's name goes into an address as it is.
        let names = self.files.iter().map(|file| &file.rfilename[..]);
        let names: Vec<&str> = names.filter(|name| !name.contains('+')).collect();
        let weights = weight_file(&names).map_err(|why| match why {
            NoChoice::Nothing => {
                let held = crate::format::count(self.files.len(), "file", "files");
                Problem::new(
                    format!("the repository holds no weights that are read here, in {held}"),
                    format!(
                        "a CLIP has one of {}, or a .pt file",
                        WEIGHT_FILES.join(", ")
                    ),
                )
            }
            NoChoice::Several(several) => Problem::new(
                format!(
                    "the repository holds several weights: {}",
                    several.join(", ")
                ),
                "download the one that you mean, and drop it on the page",
            ),
        })?;
        let configurations = configuration_files(&names, weights).into_iter();
        Ok(Choice {
            configurations: configurations.map(String::from).collect(),
            weights: weights.into(),
        })
    }

    /// The files that an index of shards names, each once.
    ///
    /// # Errors
    /// If it is no index, or names what the repository has not.
    pub fn shards(&self, index: &str) -> Result<Vec<String>, Problem> {
        let wrong = |what: String| {
            Problem::new(
                format!("{SHARD_INDEX} {what}"),
                "is there another revision that is whole? Write it behind an @",
            )
        };
        let index: Option<serde_json::Value> = serde_json::from_str(index).ok();
        let names = index.as_ref().and_then(shard_names);
        let names = names.ok_or_else(|| wrong("is no index of weights".into()))?;
        for name in &names {
            if !is_shard(name) || name.contains('+') || !self.has(name) {
                return Err(wrong(format!(
                    "names “{name}”, which is not in the repository"
                )));
            }
        }
        match names.is_empty() {
            true => Err(wrong("names no files".into())),
            false => Ok(names.into_iter().map(String::from).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn listing(files: &[&str]) -> Listing {
        let siblings: Vec<_> = files
            .iter()
            .map(|name| serde_json::json!({ "rfilename": name, "size": name.len() }))
            .collect();
        let json = serde_json::json!({ "id": "a/b", "sha": COMMIT, "siblings": siblings });
        Listing::read(&json.to_string()).unwrap()
    }

    #[test]
    fn the_whole_models_weights_are_taken() {
        for (held, weights, configurations) in [
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
                    "model-1.safetensors",
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
                &["open_clip_config.json", "ViT-L-14.pt"],
                "ViT-L-14.pt",
                &["open_clip_config.json"],
            ),
            (&["model.safetensors"], "model.safetensors", &[]),
        ] {
            let choice = listing(held).choose().unwrap();
            assert_eq!(choice.weights, weights, "{held:?}");
            assert_eq!(choice.configurations, configurations, "{held:?}");
            assert_eq!(choice.is_sharded(), weights.ends_with(".index.json"));
        }
        assert_eq!(
            listing(&["model.safetensors"]).size("model.safetensors"),
            Some(17)
        );
    }

    #[test]
    fn what_holds_no_weights_or_several_is_refused() {
        for (held, words) in [
            (&[][..], "no weights"),
            (&["README.md"], "in 1 file"),
            (&["a.pt", "b.pt"], "several weights: a.pt, b.pt"),
            (&["deep/model.safetensors"], "no weights"),
            (&["../model.pt"], "no weights"),
            (&["a b.pt", ".pt"], "no weights"),
        ] {
            let problem = listing(held).choose().unwrap_err();
            assert!(problem.message.contains(words), "{held:?}: {problem:?}");
        }
    }

    #[test]
    fn shards_are_files_of_the_repository() {
        let listing = listing(&["x-1.safetensors", "x-2.safetensors"]);
        let index = r#"{"weight_map": {"a": "x-2.safetensors", "b": "x-1.safetensors", "c": "x-2.safetensors"}}"#;
        assert_eq!(
            listing.shards(index).unwrap(),
            ["x-1.safetensors", "x-2.safetensors"]
        );
        for hostile in [
            "",
            "[]",
            "{}",
            r#"{"weight_map": 1}"#,
            r#"{"weight_map": {}}"#,
            r#"{"weight_map": {"a": 1}}"#,
            r#"{"weight_map": {"a": "../x.safetensors"}}"#,
            r#"{"weight_map": {"a": "x-3.safetensors"}}"#,
        ] {
            assert!(listing.shards(hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for json in ["", "<html>", "{}", r#"{"sha": "../..", "siblings": []}"#] {
            assert!(Listing::read(json).is_err(), "{json}");
        }
    }
}
