//! Writing safetensors so that the same content always gives the same bytes.

use std::collections::BTreeMap;

use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// The bytes of a safetensors file. The `safetensors` crate writes metadata in
/// the order of a hash map, another in each run; here keys are sorted.
pub fn serialise<'a>(
    tensors: impl IntoIterator<Item = (&'a str, TensorView<'a>)>,
    metadata: BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let fail = |error: &dyn std::fmt::Display| Error::format("the safetensors file", error);
    let file = safetensors::serialize(tensors, Some(metadata.clone().into_iter().collect()))
        .map_err(|error| fail(&error))?;
    let (length, rest) = file
        .split_first_chunk::<8>()
        .ok_or_else(|| fail(&"no header"))?;
    let (header, data) = usize::try_from(u64::from_le_bytes(*length))
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or_else(|| fail(&"no header"))?;

    let mut entries: BTreeMap<String, Value> =
        serde_json::from_slice(header).map_err(|error| fail(&error))?;
    entries.remove("__metadata__");
    let mut header = format!("{{\"__metadata__\":{}", to_json(&metadata)?);
    for (name, entry) in entries {
        let entry: Entry = serde_json::from_value(entry).map_err(|error| fail(&error))?;
        header.push_str(&format!(",{}:{}", to_json(&name)?, to_json(&entry)?));
    }
    header.push('}');
    // The data starts at a multiple of eight.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));

    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    Ok(bytes)
}

/// One tensor in the header, its fields in the order of the format's description.
#[derive(Serialize, Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::format("the safetensors header", error))
}
