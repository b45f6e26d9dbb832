//! The files of a model: which of a folder's belong to it, mapped into memory.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clipwright_shared::clip::repository::CONFIGURATION_FILES;
use clipwright_shared::clip::{Configuration, ModelFile};
use clipwright_shared::formats::Checkpoint;
use memmap2::Mmap;

use super::repository;
use crate::problem::problem;

/// The files of one model, mapped.
pub struct MappedModel {
    pub paths: Vec<PathBuf>,
    pub configurations: Vec<Configuration>,
    maps: Vec<Mapped>,
}

/// The bytes of a file.
enum Mapped {
    File(Mmap),
    /// Part of this program.
    Embedded(&'static [u8]),
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            Self::Embedded(bytes) => bytes,
        }
    }
}

impl MappedModel {
    /// Maps the file `path`, or the files of a model in the folder `path`.
    ///
    /// # Errors
    /// If there is none, or one cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let paths = weight_files(path)?;
        let maps = paths.iter().map(|path| map(path)).collect::<Result<_>>()?;
        Ok(Self {
            configurations: configurations(path, &paths)?,
            paths,
            maps,
        })
    }

    /// A model that is part of this program.
    pub fn embedded(name: &str, bytes: &'static [u8]) -> Self {
        Self {
            paths: vec![name.into()],
            configurations: Vec::new(),
            maps: vec![Mapped::Embedded(bytes)],
        }
    }

    /// Reads the headers.
    pub fn read(&self) -> Result<ModelFile<'_>> {
        Ok(ModelFile::open(self.checkpoints()?, &self.configurations)?)
    }

    /// The files' tensors, whatever they are.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint<'_>>> {
        let files = self.paths.iter().zip(&self.maps);
        files
            .map(|(path, map)| {
                let read = Checkpoint::read(map);
                read.with_context(|| format!("cannot read {}", path.display()))
            })
            .collect()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.maps.iter().map(|map| map.len() as u64).sum()
    }

    /// Lets the system take back the pages that were read: they are copied by
    /// now, and would count as this program's memory a second time.
    pub fn release(&self) {
        #[cfg(unix)]
        for map in &self.maps {
            if let Mapped::File(map) = map {
                // SAFETY: the mapping is read-only and backed by the file, so a
                // page that is looked at again is read again.
                let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            }
        }
    }
}

fn map(path: &Path) -> Result<Mapped> {
    let context = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(context)?;
    // SAFETY: nothing here writes to the file. If another program shortens it in
    // the meantime, the system ends this one: the price of reading in place.
    let map = unsafe { Mmap::map(&file) }.with_context(context)?;
    Ok(Mapped::File(map))
}

fn weight_files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return match path.to_string_lossy().ends_with(".index.json") {
            true => shards(path),
            false => Ok(vec![path.into()]),
        };
    }
    let mut names: Vec<String> = std::fs::read_dir(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| path.join(name).is_file())
        .collect();
    names.sort();
    match repository::weights(&names) {
        Ok(name) => weight_files(&path.join(name)),
        // An image encoder and a text encoder, say: all safetensors files together.
        Err(error) => {
            names.retain(|name| name.ends_with(".safetensors"));
            match names.is_empty() {
                true => Err(error).with_context(|| path.display().to_string()),
                false => Ok(names.iter().map(|name| path.join(name)).collect()),
            }
        }
    }
}

/// The files beside an index of shards that it names.
fn shards(index: &Path) -> Result<Vec<PathBuf>> {
    let folder = index.parent().unwrap_or(Path::new("."));
    let shards = repository::shards(index)?;
    let shards: Vec<PathBuf> = shards.iter().map(|name| folder.join(name)).collect();
    match shards.iter().find(|shard| !shard.is_file()) {
        Some(missing) => Err(problem(
            format!(
                "{} names {}, which is not there",
                index.display(),
                missing.display()
            ),
            "fetch the model again, or the file that is missing",
        )),
        None => Ok(shards),
    }
}

/// The configurations in the model's folder: those of a known name and, beside a
/// single file, that of its own name.
fn configurations(path: &Path, files: &[PathBuf]) -> Result<Vec<Configuration>> {
    let folder = match path.is_dir() {
        true => path,
        false => path.parent().unwrap_or(Path::new(".")),
    };
    let mut candidates = CONFIGURATION_FILES.map(|name| folder.join(name)).to_vec();
    if let [file] = files {
        candidates.insert(0, file.with_extension("json"));
    }
    candidates.dedup();
    candidates
        .into_iter()
        .filter(|file| file.is_file())
        .map(|file| {
            let read = std::fs::read_to_string(&file);
            Ok(Configuration {
                json: read.with_context(|| format!("cannot read {}", file.display()))?,
                name: file.display().to_string(),
            })
        })
        .collect()
}
