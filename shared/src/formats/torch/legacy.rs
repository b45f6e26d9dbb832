//! `torch.save` before PyTorch 1.6: pickles one after the other, then the bytes
//! of every storage behind its length.
//!
//! Source: `_legacy_save` in PyTorch `torch/serialization.py`.

use std::collections::{BTreeMap, HashMap};

use super::flatten::flatten;
use super::storage::{Storages, storage_reference};
use super::value::{Node, NodeId, Pickle, Value};
use super::{invalid, pickle, shown};
use crate::error::Result;
use crate::formats::{Checkpoint, Container};

/// The first pickle: 0x1950a86a20f9469cfc6c, which ends in the next one's opcode.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
const PROTOCOL: i64 = 1001;

/// Whether the bytes begin as a pickle of PyTorch's does.
pub(in crate::formats) fn is_legacy(bytes: &[u8]) -> bool {
    let [0x80, 2..=5, rest @ ..] = bytes else {
        return false;
    };
    let frame = rest.strip_prefix(b"\x95\x0d\0\0\0\0\0\0\0").unwrap_or(rest);
    frame.starts_with(MAGIC)
}

/// Reads a file of pickles.
///
/// # Errors
/// [`crate::Error::Format`] if it is cut or damaged, [`crate::Error::ForeignCode`] if it asks
/// for code to be run.
pub(in crate::formats) fn read(bytes: &[u8]) -> Result<Checkpoint<'_>> {
    let mut rest = bytes;
    let mut next = || -> Result<Pickle<'_>> {
        let (pickle, length) = pickle::read(rest)?;
        rest = &rest[length..];
        Ok(pickle)
    };
    let (_magic, protocol, system) = (next()?, next()?, next()?);
    if protocol.root != Value::Int(PROTOCOL) {
        return Err(invalid("its version is unknown; expected 1001"));
    }
    if system.get(system.root, "little_endian") == Some(Value::Bool(false)) {
        return Err(invalid(
            "its numbers are big-endian; expected little-endian",
        ));
    }
    let (object, keys) = (next()?, next()?);
    let (storages, rest) = storages(&object, &keys, rest)?;
    if !rest.is_empty() {
        return Err(invalid(format!(
            "{} bytes follow its last storage",
            rest.len()
        )));
    }
    let contents = flatten(&object, &storages, bytes.len())?;
    Ok(Checkpoint {
        container: Container::TorchLegacy,
        tensors: contents.tensors,
        metadata: BTreeMap::new(),
        values: contents.values,
    })
}

/// The storages in the order of `keys`, and what follows them.
fn storages<'a>(
    object: &Pickle<'a>,
    keys: &Pickle<'a>,
    mut rest: &'a [u8],
) -> Result<(Storages<'a>, &'a [u8])> {
    let mut sizes = HashMap::new();
    for index in 0..object.nodes.len() {
        let id = NodeId(index as u32);
        if !matches!(object.node(id), Node::Persistent(_)) {
            continue;
        }
        let reference = storage_reference(object, Value::Node(id))
            .map_err(|reason| invalid(format!("one of its tensors: {reason}")))?;
        let Some(reference) = reference else { continue };
        let nbytes = reference
            .nbytes()
            .ok_or_else(|| invalid("a storage is too large"))?;
        let size = (reference.count, nbytes);
        if sizes
            .insert(reference.key, size)
            .is_some_and(|other| other != size)
        {
            return Err(invalid(format!(
                "storage `{}` has two sizes",
                shown(reference.key)
            )));
        }
    }
    let keys_in_order = keys
        .items(keys.root)
        .ok_or_else(|| invalid("its storages are not listed"))?;
    let mut storages = Storages::new();
    for &key in keys_in_order {
        let key = keys
            .text(key)
            .ok_or_else(|| invalid("a storage has no key"))?;
        let &(count, nbytes) = sizes
            .get(key)
            .ok_or_else(|| invalid(format!("storage `{}` belongs to no tensor", shown(key))))?;
        let cut = || {
            invalid(format!(
                "it ends inside of storage `{}`, which has {nbytes} bytes",
                shown(key)
            ))
        };
        let (stated, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        if i64::from_le_bytes(*stated) != count as i64 {
            return Err(invalid(format!(
                "storage `{}` has {} elements; expected {count}",
                shown(key),
                i64::from_le_bytes(*stated)
            )));
        }
        let storage;
        (storage, rest) = after.split_at_checked(nbytes).ok_or_else(cut)?;
        if storages.insert(key.into(), storage).is_some() {
            return Err(invalid(format!("storage `{}` is listed twice", shown(key))));
        }
    }
    Ok((storages, rest))
}
