//! `torch.save` since PyTorch 1.6, and `torch.jit.save`: zip archives.
//!
//! Tensors borrow their entries, which PyTorch stores as they are. What is
//! compressed is never unpacked, so there is nothing that a small file could
//! swell to.

use std::collections::BTreeMap;
use std::io::Cursor;

use zip::CompressionMethod;
use zip::read::{ArchiveOffset, Config, ZipArchive};

use super::flatten::flatten;
use super::storage::{Storages, storage_reference};
use super::value::{Node, NodeId, Pickle, Value};
use super::{invalid, pickle, shown};
use crate::error::{Error, Result};
use crate::formats::{Checkpoint, Container};

/// The entry that describes the tensors.
const DATA: &str = "data.pkl";

/// Whether the bytes begin as a zip archive does.
pub(in crate::formats) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// Reads an archive of `torch.save` or `torch.jit.save`.
///
/// # Errors
/// [`Error::Format`] if it is cut or damaged, [`Error::WrongFile`] if it is
/// another program's, [`Error::ForeignCode`] if it asks for code to be run.
pub(in crate::formats) fn read(bytes: &[u8]) -> Result<Checkpoint<'_>> {
    let entries = entries(bytes)?;
    let mut descriptions = entries.keys().filter(|name| {
        let root = name
            .strip_suffix(DATA)
            .and_then(|root| root.strip_suffix('/'));
        root.is_some_and(|root| !root.contains('/'))
    });
    let (Some(description), None) = (descriptions.next(), descriptions.next()) else {
        return Err(Error::WrongFile {
            found: "a zip archive without one `data.pkl`".into(),
            expected: "what torch.save or torch.jit.save writes".into(),
            remedy: "unpack it first if weights lie in it; archives of PyTorch before 1.6 must be \
                     saved again by a newer one",
        });
    };
    let root = &description[..description.len() - DATA.len()];
    let order = entries.get(&format!("{root}byteorder"));
    let order = order.map(|order| stored("byteorder", order)).transpose()?;
    if order.is_some_and(|order| order != b"little") {
        return Err(invalid(
            "its numbers are big-endian; expected little-endian",
        ));
    }
    let (pickle, _) = pickle::read(stored(DATA, &entries[description])?)?;
    let storages = storages(&pickle, root, &entries)?;
    let contents = flatten(&pickle, &storages, bytes.len())?;
    let is_script = entries.contains_key(&format!("{root}constants.pkl"));
    Ok(Checkpoint {
        container: if is_script {
            Container::TorchScript
        } else {
            Container::TorchZip
        },
        tensors: contents.tensors,
        metadata: BTreeMap::new(),
        values: contents.values,
    })
}

/// One entry of an archive.
struct Entry<'a> {
    /// Its bytes in the archive.
    bytes: &'a [u8],
    /// Whether these are its bytes outside of it too.
    is_stored: bool,
}

/// Every entry by name.
fn entries(bytes: &[u8]) -> Result<BTreeMap<String, Entry<'_>>> {
    let fail = |error| invalid(format!("its directory cannot be read: {error}"));
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    let mut archive = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(fail)?;
    if archive.has_duplicate_names() {
        return Err(invalid("two of its entries have the same name"));
    }
    if archive.has_overlapping_entries().map_err(fail)? {
        return Err(invalid("its entries overlap"));
    }
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(fail)?;
        let name = entry.name().map_err(fail)?.into_owned();
        let length = usize::try_from(entry.compressed_size()).ok();
        let start = entry
            .data_start()
            .and_then(|start| usize::try_from(start).ok());
        let data = start
            .zip(length)
            .and_then(|(start, length)| bytes.get(start..)?.get(..length))
            .ok_or_else(|| invalid(format!("its entry `{}` goes beyond it", shown(&name))))?;
        let is_stored = entry.compression() == CompressionMethod::Stored
            && !entry.encrypted()
            && entry.size() == entry.compressed_size();
        entries.insert(
            name,
            Entry {
                bytes: data,
                is_stored,
            },
        );
    }
    Ok(entries)
}

/// The bytes of an entry that is stored as it is.
fn stored<'a>(name: &str, entry: &Entry<'a>) -> Result<&'a [u8]> {
    if !entry.is_stored {
        return Err(invalid(format!(
            "its entry `{}` is compressed; expected it stored, as PyTorch does",
            shown(name)
        )));
    }
    Ok(entry.bytes)
}

/// The entries that the pickle's storages are.
fn storages<'a>(
    pickle: &Pickle<'_>,
    root: &str,
    entries: &BTreeMap<String, Entry<'a>>,
) -> Result<Storages<'a>> {
    let mut storages = Storages::new();
    for index in 0..pickle.nodes.len() {
        let id = NodeId(index as u32);
        if !matches!(pickle.node(id), Node::Persistent(_)) {
            continue;
        }
        // What is wrong with a reference is said with the tensor's name, if any.
        let Ok(Some(reference)) = storage_reference(pickle, Value::Node(id)) else {
            continue;
        };
        if storages.contains_key(reference.key) {
            continue;
        }
        let name = format!("{root}data/{}", reference.key);
        if let Some(entry) = entries.get(&name) {
            storages.insert(reference.key.into(), stored(&name, entry)?);
        }
    }
    Ok(storages)
}
