//! One file of the Hub into the cache: taken up where it broke off, and under its
//! final name only when size and hash are right.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hf_hub::Cache;
use indicatif::{DecimalBytes, ProgressBar};
use sha2::{Digest, Sha256};
use ureq::Body;
use ureq::http::Response;

use super::cache;
use super::client::{Client, Description, header};
use super::names::HubModel;
use crate::problem::problem;
use crate::progress::bytes_bar;

/// Attempts that may fail one after the other.
const ATTEMPTS: u32 = 5;

/// The wait after the first failed attempt; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Attempts are counted anew after so much progress: a large file over a bad line
/// may need many, but their number has a bound.
const ENOUGH_BYTES: u64 = 1 << 20;

/// How long another process's download of the same file is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// Repository, commit and file.
pub struct Wanted<'a> {
    pub model: &'a HubModel,
    pub commit: &'a str,
    pub file: &'a str,
}

/// Brings a file into its snapshot, if it is not there; returns its path.
///
/// # Errors
/// If it cannot be had, or comes with a wrong size or hash, or cannot be written.
pub fn download(client: &Client, cache: &Cache, wanted: &Wanted) -> Result<PathBuf> {
    let handle = cache::handle(cache, wanted.model);
    let link = handle.pointer_path(wanted.commit).join(wanted.file);
    // Files of a commit never change.
    if link.is_file() {
        return Ok(link);
    }
    let description = client.describe(wanted.model, wanted.commit, wanted.file)?;
    let blob = handle.blob_path(&description.etag);
    let _lock = lock(cache, wanted, &description.etag)?;
    // Another process may just have brought it.
    if link.is_file() {
        return Ok(link);
    }
    if fs::metadata(&blob).map(|metadata| metadata.len()).ok() != Some(description.bytes) {
        make_folder(&blob)?;
        fetch(client, wanted, &description, &blob)?;
    }
    make_folder(&link)?;
    point(&blob, &link).with_context(|| format!("cannot write {}", link.display()))?;
    Ok(link)
}

/// Fetches a blob; what there is of it from before is kept.
fn fetch(client: &Client, wanted: &Wanted, description: &Description, blob: &Path) -> Result<()> {
    let bar = bytes_bar(description.bytes, wanted.file);
    // The name that huggingface_hub gives it.
    let path = PathBuf::from(format!("{}.incomplete", blob.display()));
    let mut partial = Partial::open(path, description.bytes)?;
    bar.set_position(partial.bytes);
    let mut failures = 0;
    let mut most = partial.bytes;
    while partial.bytes < description.bytes {
        let Err(stop) = transfer(client, wanted, description, &mut partial, &bar) else {
            continue;
        };
        let why = match stop {
            Stop::Broken(why) => why,
            Stop::Final(error) => return Err(error),
        };
        // Against the most there ever was: a server that always starts anew must
        // not look like progress.
        if partial.bytes >= most + ENOUGH_BYTES {
            most = partial.bytes;
            failures = 0;
        }
        failures += 1;
        let there = format!(
            "{} of {}",
            DecimalBytes(partial.bytes),
            DecimalBytes(description.bytes)
        );
        if failures == ATTEMPTS {
            return Err(problem(
                format!(
                    "the download of {} broke off at {there}: {why}",
                    wanted.file
                ),
                "run the same command again: it goes on from there",
            ));
        }
        bar.suspend(|| eprintln!("{} broke off at {there}: {why}; trying again", wanted.file));
        sleep(FIRST_WAIT * 2_u32.pow(failures - 1));
    }
    bar.finish_and_clear();
    partial.finish(wanted.file, description, blob)?;
    eprintln!("{}  {}", wanted.file, DecimalBytes(description.bytes));
    Ok(())
}

/// Why a transfer ended before the file did.
enum Stop {
    /// Another attempt may bring more.
    Broken(String),
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Final(error)
    }
}

/// One request: appends what it brings.
fn transfer(
    client: &Client,
    wanted: &Wanted,
    description: &Description,
    partial: &mut Partial,
    bar: &ProgressBar,
) -> Result<(), Stop> {
    let response = client
        .open(wanted.model, wanted.commit, wanted.file, partial.bytes)
        .map_err(|error| Stop::Broken(error.to_string()))?;
    let status = response.status().as_u16();
    let total = match status {
        200 => {
            // All of it, asked for or not.
            partial.clear()?;
            header(&response, "content-length").and_then(|bytes| bytes.parse().ok())
        }
        206 => match content_range(&response) {
            Some((start, total)) if start == partial.bytes => total,
            _ => return Err(Stop::Broken("the server sent another part".into())),
        },
        416 => {
            partial.clear()?;
            return Err(Stop::Broken("the server has no such part (416)".into()));
        }
        408 | 429 | 500..=599 => return Err(Stop::Broken(format!("status {status}"))),
        _ => {
            return Err(client
                .refusal(wanted.model, &response, Some(wanted.file))
                .into());
        }
    };
    if let Some(total) = total.filter(|&total| total != description.bytes) {
        let came = total.to_string();
        return Err(partial.wrong_size(wanted.file, description, &came).into());
    }
    bar.set_position(partial.bytes);
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return Err(Stop::Broken(error.to_string())),
        };
        partial.append(&buffer[..read])?;
        bar.set_position(partial.bytes);
        if partial.bytes > description.bytes {
            let came = "more";
            return Err(partial.wrong_size(wanted.file, description, came).into());
        }
    }
    match partial.bytes < description.bytes {
        true => Err(Stop::Broken("the server ended it".into())),
        false => Ok(()),
    }
}

/// First byte and size of the whole file, if that is told, of a part of a file.
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let range = header(response, "content-range")?.strip_prefix("bytes ")?;
    let (part, total) = range.split_once('/')?;
    let start = part.split_once('-')?.0.parse().ok()?;
    Some((start, total.parse().ok()))
}

/// What there is of a file, and the hash of that.
struct Partial {
    path: PathBuf,
    file: File,
    bytes: u64,
    hash: Sha256,
}

impl Partial {
    /// Opens what a broken download left behind, or starts anew; `most` bytes make
    /// it whole.
    fn open(path: PathBuf, most: u64) -> Result<Self> {
        let read = || -> std::io::Result<_> {
            let mut options = OpenOptions::new();
            let mut file = options
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            let mut hash = Sha256::new();
            let bytes = std::io::copy(&mut file, &mut hash)?;
            Ok((file, hash, bytes))
        };
        let (file, hash, bytes) = read().with_context(|| cannot_write(&path))?;
        let mut partial = Self {
            path,
            file,
            bytes,
            hash,
        };
        if bytes > most {
            partial.clear()?;
        }
        Ok(partial)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            return Err(problem(
                format!("{}: {error}", cannot_write(&self.path)),
                "make room or name another cache in HF_HOME; then the same command goes on from here",
            ));
        }
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        let mut clear = || -> std::io::Result<()> {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            Ok(())
        };
        clear().with_context(|| cannot_write(&self.path))?;
        self.bytes = 0;
        self.hash = Sha256::new();
        Ok(())
    }

    /// Gives the file its final name, if it is what the Hub described.
    fn finish(self, name: &str, description: &Description, blob: &Path) -> Result<()> {
        let expected = &description.etag;
        let hash = hex(&self.hash.clone().finalize());
        // The hashes of small files are git's, of another kind.
        if expected.len() == hash.len() && *expected != hash {
            self.delete();
            return Err(problem(
                format!("{name} is damaged: its SHA-256 is {hash}, the Hub's {expected}"),
                "the damaged file is deleted; run the command again, and if that does not help, \
                 without a proxy or the mirror in HF_ENDPOINT",
            ));
        }
        let rename = || -> std::io::Result<()> {
            self.file.sync_all()?;
            fs::rename(&self.path, blob)
        };
        rename().with_context(|| cannot_write(blob))
    }

    /// The error of a file that is longer or shorter than the Hub says; it is
    /// deleted, since another attempt would end alike.
    fn wrong_size(&self, name: &str, description: &Description, came: &str) -> anyhow::Error {
        self.delete();
        problem(
            format!(
                "{name} has a wrong size: the Hub says {} bytes, the server sends {came}",
                description.bytes
            ),
            "what came of it is deleted; run the command again, and if that does not help, \
             without a proxy or the mirror in HF_ENDPOINT",
        )
    }

    fn delete(&self) {
        // If it cannot be deleted it still has no name that anyone reads.
        let _ = fs::remove_file(&self.path);
    }
}

/// A lock on a blob, in the place where `huggingface_hub` has it, until it is
/// dropped.
fn lock(cache: &Cache, wanted: &Wanted, etag: &str) -> Result<File> {
    let folder = cache
        .path()
        .join(".locks")
        .join(wanted.model.repo().folder_name());
    let path = folder.join(format!("{etag}.lock"));
    make_folder(&path)?;
    let open = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = open.with_context(|| cannot_write(&path))?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                sleep(Duration::from_millis(100));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(problem(
                    format!("another process is downloading {}", wanted.file),
                    "wait for its end, then run this again",
                ));
            }
            // A file system without locks: the hash still tells a mixture.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// Links `link`, in a snapshot's folder, to a blob of the same repository.
fn point(blob: &Path, link: &Path) -> std::io::Result<()> {
    // A link to a blob that was deleted.
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link)?;
    }
    #[cfg(unix)]
    {
        // snapshots/COMMIT/FILE → blobs/HASH
        let target = Path::new("../../blobs").join(blob.file_name().unwrap_or_default());
        std::os::unix::fs::symlink(target, link)
    }
    // As huggingface_hub does where links need permission.
    #[cfg(not(unix))]
    fs::rename(blob, link)
}

fn make_folder(of: &Path) -> Result<()> {
    let Some(folder) = of.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|error| {
        problem(
            format!("{}: {error}", cannot_write(folder)),
            "name a folder that can be written in HF_HOME",
        )
    })
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
