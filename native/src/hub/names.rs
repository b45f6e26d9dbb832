//! Short names of well-known models, and what may be a name at all.

use std::fmt;

use anyhow::Result;
use hf_hub::{Repo, RepoType};

use crate::problem::problem;

/// The revision where none is asked for.
const MAIN: &str = "main";

/// The Hub takes no longer repository ids.
const LONGEST_ID: usize = 96;

/// A short name and what it stands for.
#[derive(Debug)]
pub struct ShortName {
    pub name: &'static str,
    /// Other spellings: those of `clip.load` among them.
    pub also: &'static [&'static str],
    /// Repository id on the Hub.
    pub repository: &'static str,
    /// Parameters of the architecture, those of both encoders and the logit scale.
    pub parameters: u64,
}

impl ShortName {
    /// Size of the weights: all of these repositories hold them in f32.
    pub fn download_bytes(&self) -> u64 {
        4 * self.parameters
    }
}

/// OpenAI's weights come from the repositories that open_clip loads them from: all
/// nine have them in safetensors, `openai/clip-vit-base-patch32` has not, and there
/// is no repository of OpenAI's own for the ResNets.
pub const SHORT_NAMES: [ShortName; 18] = [
    short(
        "openai/RN50",
        &["RN50"],
        "timm/resnet50_clip.openai",
        102_007_137,
    ),
    short(
        "openai/RN101",
        &["RN101"],
        "timm/resnet101_clip.openai",
        119_688_033,
    ),
    short(
        "openai/RN50x4",
        &["RN50x4"],
        "timm/resnet50x4_clip.openai",
        178_300_601,
    ),
    short(
        "openai/RN50x16",
        &["RN50x16"],
        "timm/resnet50x16_clip.openai",
        290_979_217,
    ),
    short(
        "openai/RN50x64",
        &["RN50x64"],
        "timm/resnet50x64_clip.openai",
        623_258_305,
    ),
    short(
        "openai/ViT-B-32",
        &["ViT-B-32", "ViT-B/32"],
        "timm/vit_base_patch32_clip_224.openai",
        151_277_313,
    ),
    short(
        "openai/ViT-B-16",
        &["ViT-B-16", "ViT-B/16"],
        "timm/vit_base_patch16_clip_224.openai",
        149_620_737,
    ),
    short(
        "openai/ViT-L-14",
        &["ViT-L-14", "ViT-L/14"],
        "timm/vit_large_patch14_clip_224.openai",
        427_616_513,
    ),
    short(
        "openai/ViT-L-14-336",
        &["ViT-L-14-336", "ViT-L/14@336px"],
        "timm/vit_large_patch14_clip_336.openai",
        427_944_193,
    ),
    short(
        "laion2b/ViT-B-32",
        &[],
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        151_277_313,
    ),
    short(
        "laion2b/ViT-B-16",
        &[],
        "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
        149_620_737,
    ),
    short(
        "laion2b/ViT-L-14",
        &[],
        "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
        427_616_513,
    ),
    short(
        "datacomp/ViT-B-32",
        &[],
        "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
        151_277_313,
    ),
    short(
        "datacomp/ViT-B-16",
        &[],
        "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K",
        149_620_737,
    ),
    short(
        "datacomp/ViT-L-14",
        &[],
        "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
        427_616_513,
    ),
    short(
        "tinyclip/ViT-8M-16",
        &[],
        "wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M",
        23_446_017,
    ),
    short(
        "tinyclip/ViT-39M-16",
        &[],
        "wkcn/TinyCLIP-ViT-39M-16-Text-19M-YFCC15M",
        83_101_185,
    ),
    short(
        "tinyclip/ViT-40M-32",
        &[],
        "wkcn/TinyCLIP-ViT-40M-32-Text-19M-LAION400M",
        84_205_569,
    ),
];

const fn short(
    name: &'static str,
    also: &'static [&'static str],
    repository: &'static str,
    parameters: u64,
) -> ShortName {
    ShortName {
        name,
        also,
        repository,
        parameters,
    }
}

/// A model on the Hub: a repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    /// As it was asked for.
    pub name: String,
    pub is_short: bool,
    /// Repository id: `owner/name`, or `name` alone for a few old ones.
    pub repository: String,
    /// Branch, tag or commit.
    pub revision: String,
}

impl HubModel {
    /// # Errors
    /// If `name` is neither a short name nor could be a repository's id, or
    /// `revision` could not be one.
    pub fn new(name: &str, revision: Option<&str>) -> Result<Self> {
        if !is_name(name) {
            return Err(problem(
                format!("{name:?} is no model of the Hub"),
                "expected a short name, which `clipwright models` lists, or a repository id \
                 such as openai/clip-vit-large-patch14",
            ));
        }
        let revision = revision.unwrap_or(MAIN);
        if !is_revision(revision) {
            return Err(problem(
                format!("{revision:?} is no revision"),
                "expected a branch, a tag or a commit, such as main",
            ));
        }
        let short = find(name);
        Ok(Self {
            name: name.into(),
            is_short: short.is_some(),
            repository: short.map_or(name, |short| short.repository).into(),
            revision: revision.into(),
        })
    }

    /// The same, as `hf-hub` names it.
    pub fn repo(&self) -> Repo {
        let repository = self.repository.clone();
        Repo::with_revision(repository, RepoType::Model, self.revision.clone())
    }
}

impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.is_short {
            write!(f, " ({})", self.repository)?;
        }
        if self.revision != MAIN {
            write!(f, " at revision {}", self.revision)?;
        }
        Ok(())
    }
}

fn find(name: &str) -> Option<&'static ShortName> {
    SHORT_NAMES
        .iter()
        .find(|short| short.name == name || short.also.contains(&name))
}

/// Whether it is a short name or could be a repository's id. The Hub's own rule,
/// which also keeps a name from leading out of the cache folder.
pub fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let edge = |edge: char| edge == '-' || edge == '.';
        !part.is_empty()
            && part.bytes().all(plain)
            && !part.starts_with(edge)
            && !part.ends_with(edge)
            && !part.contains("--")
            && !part.contains("..")
            && !part.ends_with(".git")
    };
    let is_id =
        name.len() <= LONGEST_ID && name.split('/').count() <= 2 && name.split('/').all(is_part);
    is_id || find(name).is_some()
}

/// Whether it could be a branch, a tag or a commit; it becomes a path in the cache
/// and a part of a URL.
fn is_revision(revision: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+@=".contains(&byte);
    revision.len() <= 255
        && revision.split('/').all(|part| {
            !part.is_empty()
                && part.bytes().all(plain)
                && !part.starts_with(['-', '.'])
                && !part.contains("..")
        })
}

/// Whether it is a commit's full hash.
pub fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
