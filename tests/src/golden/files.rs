//! A golden folder in memory.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// Every file of a golden folder, by its path from there (`clip/vit_a.json`).
#[derive(Debug, Default)]
pub struct Files {
    files: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// Reads the folder `root` with everything in it.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read(root: &std::path::Path) -> Result<Self> {
        let mut files = Self::default();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder);
            for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name: Vec<_> = path.strip_prefix(root)?.iter().collect();
                    let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
                    files.insert(&name.join("/"), std::fs::read(&path)?);
                }
            }
        }
        Ok(files)
    }

    /// Adds a file.
    pub fn insert(&mut self, path: &str, bytes: Vec<u8>) {
        self.files.insert(path.into(), bytes);
    }

    /// The bytes of a file.
    pub fn get(&self, path: &str) -> Result<&[u8]> {
        let bytes = self.files.get(path);
        Ok(bytes.with_context(|| format!("no file {path}"))?)
    }

    /// The paths of all files, in the order of names.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every JSON file is a case.
    pub fn cases(&self) -> impl Iterator<Item = &str> {
        self.paths().filter(|path| path.ends_with(".json"))
    }
}
