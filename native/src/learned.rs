//! What was learned, from a path: one file of any kind that is understood, a run
//! folder, or a PEFT adapter's folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::Clip;
use clipwright_shared::interop::{ADAPTER, CONFIGURATION, ModelSizes, NamedBytes, ReadOptions};
use clipwright_shared::protocol::LearnedInfo;
use clipwright_shared::{Error, Session};

use crate::problem::problem;
use crate::run::LEARNED;

/// The weights of a PEFT adapter, the best kind first.
const PEFT_WEIGHTS: [&str; 2] = [ADAPTER, "adapter_model.bin"];

/// Reads what was learned.
///
/// # Errors
/// If nothing that is understood is there, or it is damaged; the message names `path`.
pub fn read(path: &Path, options: &ReadOptions) -> Result<LearnedFile> {
    let context = || format!("cannot load the learned file {}", path.display());
    let read = || -> Result<LearnedFile> {
        let files = files(path)?
            .into_iter()
            .map(|path| {
                let bytes = fs::read(&path).map_err(|error| {
                    problem(
                        format!("cannot read {}: {error}", path.display()),
                        "expected learned.safetensors, a run folder, a checkpoint of CoOp or \
                         CLIP-LoRA, or a folder of PEFT's",
                    )
                })?;
                let name = path.file_name().unwrap_or_default();
                Ok((name.to_string_lossy().into_owned(), bytes))
            })
            .collect::<Result<Vec<_>>>()?;
        let named: Vec<NamedBytes<'_>> = files
            .iter()
            .map(|(name, bytes)| NamedBytes { name, bytes })
            .collect();
        Ok(clipwright_shared::interop::read(&named, options)?)
    };
    read().with_context(context)
}

/// Reads what was learned into the session, under its path as it was given.
///
/// # Errors
/// As [`read`]; if it does not fit the session's model.
pub fn load(session: &mut Session, path: &Path, options: &ReadOptions) -> Result<LearnedInfo> {
    Ok(load_with_file(session, path, options)?.0)
}

/// As [`load`]; returns the file too.
///
/// # Errors
/// As [`load`].
pub fn load_with_file(
    session: &mut Session,
    path: &Path,
    options: &ReadOptions,
) -> Result<(LearnedInfo, LearnedFile)> {
    let options = ReadOptions {
        model: Some(ModelSizes::of(&session.clip)?),
        ..options.clone()
    };
    let file = read(path, &options)?;
    let name = path.display().to_string();
    let info = session
        .add_learned_file(&name, &file)
        .map_err(misfit)
        .with_context(|| format!("cannot load the learned file {name}"))?;
    Ok((info, file))
}

/// Fails unless `file`, from `path`, belongs to `clip`.
///
/// # Errors
/// As [`LearnedFile::learner`].
pub fn check_fit(file: &LearnedFile, path: &Path, clip: &Clip, fingerprint: &str) -> Result<()> {
    file.learner(clip, fingerprint)
        .map(drop)
        .map_err(misfit)
        .with_context(|| format!("{} does not fit the model", path.display()))
}

/// Where tensors of a learned file do not fit, the model is another one, most likely.
fn misfit(error: Error) -> anyhow::Error {
    match error {
        Error::TensorShape { .. } | Error::MissingTensor { .. } => problem(
            error.to_string(),
            "give the model that it was learned on; a file of another program does not name it",
        ),
        other => other.into(),
    }
}

/// The files that belong together.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(CONFIGURATION);
        let is_adapter = PEFT_WEIGHTS.contains(&name.as_ref()) && beside.is_file();
        return Ok(match is_adapter {
            true => vec![path.into(), beside],
            false => vec![path.into()],
        });
    }
    let configuration = path.join(CONFIGURATION);
    if configuration.is_file() {
        let weights = PEFT_WEIGHTS
            .map(|name| path.join(name))
            .into_iter()
            .find(|weights| weights.is_file());
        let weights = weights.ok_or_else(|| {
            problem(
                format!("{} has {CONFIGURATION} without weights", path.display()),
                format!("expected {} beside it", PEFT_WEIGHTS.join(" or ")),
            )
        })?;
        return Ok(vec![weights, configuration]);
    }
    let learned = path.join(LEARNED);
    match learned.is_file() {
        true => Ok(vec![learned]),
        false => Err(problem(
            format!(
                "nothing that was learned is in the folder {}",
                path.display()
            ),
            format!(
                "expected a run folder with {LEARNED}, or a PEFT adapter's with {CONFIGURATION}; \
                 name CoOp's model.pth.tar-N and CLIP-LoRA's .pt themselves"
            ),
        )),
    }
}
