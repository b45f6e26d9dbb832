//! safetensors: the length of a header, the header in JSON, the bytes of every
//! tensor one after the other.
//!
//! The types are those of the `safetensors` crate. Its reader is not used: it
//! takes the last of two equal names without a word, needs many times the size of
//! the header for a moment, and does not name the tensor that is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::quantised::attach_scales;
use super::{Checkpoint, Container, Outline, StoredTensor, StoredType};
use crate::error::{Error, Result};

/// The format's own limit.
const LONGEST_HEADER: usize = 100_000_000;
/// The name of the header's entry that is no tensor.
const METADATA: &str = "__metadata__";

/// Whether the bytes begin as a safetensors file does: a length, then an object.
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

/// Reads a safetensors file.
///
/// # Errors
/// [`Error::Format`] if it is cut or damaged, or describes tensors that overlap,
/// leave gaps or do not fit their bytes.
pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint<'_>> {
    let (header, data) = split(bytes)?;
    let header = parse(header)?;
    check_data(header.data_bytes as u64, data.len() as u64)?;
    let mut stored = BTreeMap::new();
    for (name, info) in header.tensors {
        let (from, to) = info.data_offsets;
        let tensor = data
            .get(from..to)
            .ok_or_else(|| before_its_beginning((from, to)))
            .and_then(|bytes| StoredTensor::contiguous(stored_type(info.dtype)?, info.shape, bytes))
            .map_err(|reason| invalid(format!("tensor `{name}`: {reason}")))?;
        stored.insert(name, tensor);
    }
    attach_scales(&mut stored, &header.metadata)?;
    Ok(Checkpoint {
        container: Container::Safetensors,
        tensors: stored,
        metadata: header.metadata,
        values: BTreeMap::new(),
    })
}

/// Reads the header of a file whose data is elsewhere: the tensors without their
/// bytes, and the place of each behind the header.
///
/// # Errors
/// As [`read`], as far as the header tells.
pub(super) fn outline(header: &[u8]) -> Result<Outline> {
    let header = parse(header)?;
    let mut stored = BTreeMap::new();
    let mut places = Vec::new();
    for (name, info) in header.tensors {
        let (from, to) = info.data_offsets;
        let tensor = to
            .checked_sub(from)
            .ok_or_else(|| before_its_beginning((from, to)))
            .and_then(|bytes| StoredTensor::outlined(stored_type(info.dtype)?, info.shape, bytes))
            .map_err(|reason| invalid(format!("tensor `{name}`: {reason}")))?;
        places.push((name.clone(), from as u64..to as u64));
        stored.insert(name, tensor);
    }
    attach_scales(&mut stored, &header.metadata)?;
    let checkpoint = Checkpoint {
        container: Container::Safetensors,
        tensors: stored,
        metadata: header.metadata,
        values: BTreeMap::new(),
    };
    Ok(Outline { checkpoint, places })
}

fn before_its_beginning((from, to): (usize, usize)) -> String {
    format!("it ends at byte {to}, before its beginning at byte {from}")
}

/// What a header describes.
struct Described {
    /// In the order of their bytes.
    tensors: Vec<(String, TensorInfo)>,
    metadata: BTreeMap<String, String>,
    data_bytes: usize,
}

/// Reads the header; every tensor begins where the one before it ends.
fn parse(header: &[u8]) -> Result<Described> {
    let unreadable =
        |error: &dyn fmt::Display| invalid(format!("its header cannot be read: {error}"));
    let header = str::from_utf8(header).map_err(|error| unreadable(&error))?;
    let mut json = serde_json::Deserializer::from_str(header);
    let header = json
        .deserialize_map(HeaderVisitor)
        .and_then(|header| json.end().map(|()| header))
        .map_err(|error| unreadable(&error))?;
    let mut tensors: Vec<(String, TensorInfo)> = header.tensors.into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in &tensors {
        let (from, to) = info.data_offsets;
        if from != end {
            return Err(invalid(format!(
                "tensor `{name}` begins at byte {from}; expected {end}, where the one before it \
                 ends"
            )));
        }
        end = to;
    }
    let ends = tensors.iter().map(|(_, info)| info.data_offsets.1);
    Ok(Described {
        data_bytes: ends.max().unwrap_or(0),
        tensors,
        metadata: header.metadata,
    })
}

/// The header and what follows it.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let (length, rest) = bytes
        .split_first_chunk::<8>()
        .ok_or_else(|| invalid(format!("it ends after {} bytes", bytes.len())))?;
    let length = checked_length(*length)?;
    rest.split_at_checked(length as usize)
        .ok_or_else(|| header_is_cut(length, rest.len()))
}

/// A header of `length` bytes, of which the file has `got`.
pub(super) fn header_is_cut(length: u64, got: usize) -> Error {
    invalid(format!(
        "its header should have {length} bytes; the file ends after {got} of them"
    ))
}

/// # Errors
/// [`Error::Format`] if there are other than the described bytes behind the header.
pub(super) fn check_data(described: u64, got: u64) -> Result<()> {
    if described == got {
        return Ok(());
    }
    Err(invalid(format!(
        "its header describes {described} bytes of tensors; the file has {got} after the header"
    )))
}

/// Bytes of the header.
fn checked_length(length: [u8; 8]) -> Result<u64> {
    match u64::from_le_bytes(length) {
        length if length > LONGEST_HEADER as u64 => Err(invalid(format!(
            "its header should have {length} bytes; expected at most {LONGEST_HEADER}"
        ))),
        length => Ok(length),
    }
}

/// The place of the header of a file that begins so; none if it is another kind of file.
///
/// # Errors
/// [`Error::Format`] if it is too long.
pub(super) fn header_place(beginning: &[u8]) -> Result<Option<Range<u64>>> {
    match beginning.split_first_chunk::<8>() {
        Some((length, _)) if is_safetensors(beginning) => Ok(Some(8..8 + checked_length(*length)?)),
        _ => Ok(None),
    }
}

fn stored_type(dtype: Dtype) -> std::result::Result<StoredType, String> {
    Ok(match dtype {
        Dtype::F64 => StoredType::F64,
        Dtype::F32 => StoredType::F32,
        Dtype::F16 => StoredType::F16,
        Dtype::BF16 => StoredType::Bf16,
        Dtype::I64 => StoredType::I64,
        Dtype::I32 => StoredType::I32,
        Dtype::I16 => StoredType::I16,
        Dtype::I8 => StoredType::I8,
        Dtype::U64 => StoredType::U64,
        Dtype::U32 => StoredType::U32,
        Dtype::U16 => StoredType::U16,
        Dtype::U8 => StoredType::U8,
        Dtype::BOOL => StoredType::Bool,
        other => {
            return Err(format!(
                "its type is {other}; expected floats of 16 to 64 bits, integers or flags"
            ));
        }
    })
}

fn invalid(reason: String) -> Error {
    Error::format("the safetensors file", reason)
}

/// The header's entries.
#[derive(Default)]
struct Header {
    tensors: BTreeMap<String, TensorInfo>,
    metadata: BTreeMap<String, String>,
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with the tensors by name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Header, M::Error> {
        let mut header = Header::default();
        let mut has_metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            let twice = if name == METADATA {
                header.metadata = map.next_value()?;
                std::mem::replace(&mut has_metadata, true)
            } else {
                header.tensors.contains_key(&name)
            };
            if twice {
                return Err(M::Error::custom(format!("it names `{name}` twice")));
            }
            if name != METADATA {
                header.tensors.insert(name, map.next_value()?);
            }
        }
        Ok(header)
    }
}
