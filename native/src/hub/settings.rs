//! What the environment says of the Hub, by the variables that `huggingface_hub`
//! reads.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use hf_hub::Cache;

use crate::problem::problem;

/// The Hub itself, where `HF_ENDPOINT` names no mirror.
const ENDPOINT: &str = "https://huggingface.co";

/// How long a silent connection is waited for, where `HF_HUB_DOWNLOAD_TIMEOUT`
/// says nothing else.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to ask, as whom, and where to keep the answers.
pub struct Settings {
    /// `HF_HUB_CACHE`, or `hub` in `HF_HOME`.
    pub cache: Cache,
    /// `HF_ENDPOINT`, without a slash at its end.
    pub endpoint: String,
    /// `HF_TOKEN`, or what `hf auth login` left behind.
    pub token: Option<String>,
    /// `HF_HUB_OFFLINE`.
    pub offline: bool,
    /// How long to wait for a server that says nothing.
    pub patience: Duration,
}

impl Settings {
    /// # Errors
    /// If a variable holds what it cannot mean.
    pub fn from_env() -> Result<Self> {
        Ok(Self {
            cache: cache()?,
            endpoint: endpoint()?,
            token: token()?,
            offline: is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE"),
            patience: patience()?,
        })
    }
}

/// The cache folder, which need not exist.
///
/// # Errors
/// If no variable names it and there is no home folder.
pub fn cache() -> Result<Cache> {
    let named = variable("HF_HUB_CACHE").or_else(|| variable("HUGGINGFACE_HUB_CACHE"));
    let folder = match named {
        Some(folder) => expanded(folder),
        None => hub_home()?.join("hub"),
    };
    Ok(Cache::new(std::path::absolute(folder)?))
}

fn hub_home() -> Result<PathBuf> {
    if let Some(folder) = variable("HF_HOME") {
        return Ok(expanded(folder));
    }
    if let Some(folder) = variable("XDG_CACHE_HOME") {
        return Ok(expanded(folder).join("huggingface"));
    }
    let home = env::home_dir().ok_or_else(|| {
        problem(
            "there is no home folder to keep the Hub's cache in",
            "set HF_HOME to a folder",
        )
    })?;
    Ok(home.join(".cache").join("huggingface"))
}

fn endpoint() -> Result<String> {
    let Some(endpoint) = text("HF_ENDPOINT")? else {
        return Ok(ENDPOINT.into());
    };
    let trimmed = endpoint.trim_end_matches('/');
    if !trimmed.starts_with("https://") && !trimmed.starts_with("http://") {
        return Err(problem(
            format!("HF_ENDPOINT is {endpoint:?}"),
            format!("expected a URL such as {ENDPOINT}; unset it to use that"),
        ));
    }
    Ok(trimmed.into())
}

fn token() -> Result<Option<String>> {
    let (source, token) = match text("HF_TOKEN")?.or(text("HUGGING_FACE_HUB_TOKEN")?) {
        Some(token) => ("HF_TOKEN".into(), token),
        None if is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") => return Ok(None),
        None => {
            let path = match variable("HF_TOKEN_PATH") {
                Some(path) => expanded(path),
                None => hub_home()?.join("token"),
            };
            match fs::read_to_string(&path) {
                Ok(token) => (path.display().to_string(), token),
                // Most people have none, and most models need none.
                Err(_) => return Ok(None),
            }
        }
    };
    let token = token.trim();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(problem(
            format!("{source} holds no token: there is a space or a special character in it"),
            "a token begins with hf_ and goes on with letters and digits",
        ));
    }
    Ok((!token.is_empty()).then(|| token.into()))
}

fn patience() -> Result<Duration> {
    let Some(seconds) = text("HF_HUB_DOWNLOAD_TIMEOUT")? else {
        return Ok(PATIENCE);
    };
    match seconds.trim().parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(problem(
            format!("HF_HUB_DOWNLOAD_TIMEOUT is {seconds:?}"),
            "expected a number of seconds, from 1 to 86400",
        )),
    }
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str) -> Result<Option<String>> {
    match variable(name).map(OsString::into_string).transpose() {
        Ok(value) => Ok(value),
        Err(_) => Err(problem(
            format!("{name} is no text"),
            "it holds bytes that are no UTF-8",
        )),
    }
}

/// A switch as `huggingface_hub` reads it.
fn is_set(name: &str) -> bool {
    let value = env::var(name).unwrap_or_default();
    ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str())
}

/// The path with a `~` at its start made the home folder, as Python does: files of
/// settings know no shell.
fn expanded(path: OsString) -> PathBuf {
    let path = PathBuf::from(path);
    match (path.strip_prefix("~"), env::home_dir()) {
        (Ok(rest), Some(home)) if rest == Path::new("") => home,
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}
