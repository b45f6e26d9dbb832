//! Someone who pulls models, and what they find.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use clipwright_tests::{HubServer, Request, clipwright, repository_root};
use serde_json::Value;
use tempfile::TempDir;

pub const REPOSITORY: &str = "owner/tiny-clip";
pub const WEIGHTS: &str = "model.safetensors";

/// Variables of the Hub, which must not come from whoever runs the tests.
const VARIABLES: [&str; 14] = [
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "XDG_CACHE_HOME",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_TOKEN_PATH",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    "HTTP_PROXY",
    "http_proxy",
];

/// Someone with a cache of their own, who knows the server as the Hub.
pub struct Person {
    pub home: TempDir,
    pub variables: Vec<(String, String)>,
}

impl Person {
    pub fn new(hub: &HubServer) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let path = home.path().display().to_string();
        let variables = [("HF_HOME", path), ("HF_ENDPOINT", hub.url.clone())];
        Ok(Self {
            home,
            variables: variables.map(|(name, value)| (name.into(), value)).into(),
        })
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub fn command(&self, line: &[&str]) -> Result<Command> {
        let mut command = Command::new(clipwright()?);
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
            .args(line)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    pub fn run(&self, line: &[&str]) -> Result<Output> {
        self.command(line)?
            .output()
            .context("cannot start clipwright")
    }

    /// Pulls; returns the folder that the binary prints.
    pub fn pull(&self, line: &[&str]) -> Result<PathBuf> {
        let output = self.run(&[&["pull"], line].concat())?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{line:?}: {error}");
        let folder = String::from_utf8(output.stdout)?;
        Ok(folder.trim_end().into())
    }

    /// Pulls in vain: the binary must exit with 1, say all of `parts` and give a
    /// hint.
    pub fn refused(&self, line: &[&str], parts: &[&str]) -> Result<()> {
        let output = self.run(&[&["pull"], line].concat())?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(1),
            "{line:?}: {:?} {error}",
            output.status
        );
        ensure!(output.stdout.is_empty(), "{line:?} prints a folder");
        for part in parts.iter().chain(&["error: ", "hint: "]) {
            ensure!(error.contains(part), "{line:?}: no {part:?} in: {error}");
        }
        Ok(())
    }

    pub fn models(&self) -> Result<Value> {
        let output = self.run(&["models", "--json"])?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    pub fn repository(&self, id: &str) -> PathBuf {
        let name = format!("models--{}", id.replace('/', "--"));
        self.home.path().join("hub").join(name)
    }
}

pub fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?,
        Err(_) => Vec::new(),
    };
    names.sort();
    Ok(names)
}

/// The small model of the golden tests: 1.5 MB.
pub fn weights() -> Result<Vec<u8>> {
    let path = repository_root().join("tests/golden/clip/vit_a.weights.safetensors");
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

pub fn bytes_asked_for(requests: &[Request]) -> Vec<Option<&str>> {
    let bytes = requests.iter().filter(|request| request.is_for_bytes());
    bytes.map(|request| request.range.as_deref()).collect()
}

/// A server with the small model, and someone to pull it.
pub fn one_model() -> Result<(HubServer, Person, Vec<u8>)> {
    let (hub, weights) = (HubServer::start()?, weights()?);
    hub.commit(REPOSITORY, "main", &[(WEIGHTS, &weights)]);
    let person = Person::new(&hub)?;
    Ok((hub, person, weights))
}
