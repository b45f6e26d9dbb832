//! Writing safetensors so that the same content always gives the same bytes.

use std::collections::BTreeMap;
use std::io::Write;

use candle_core::{DType, Device, Tensor};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::formats::StoredType;

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub name: String,
    pub dtype: StoredType,
    pub dims: Vec<usize>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.dims.iter().product::<usize>() * self.dtype.size()
    }
}

/// Writes a safetensors file, one tensor in memory at a time: `data` gives the
/// bytes of each entry, row-major and little-endian, in the order of `entries`.
/// Unlike the `safetensors` crate's, the header's keys are in a fixed order.
///
/// # Errors
/// [`Error::Format`] if `out` cannot be written, or bytes do not fit their entry.
pub fn write(
    out: &mut dyn Write,
    entries: &[Entry],
    metadata: &BTreeMap<String, String>,
    mut data: impl FnMut(usize) -> Result<Vec<u8>>,
) -> Result<()> {
    let fail = |error: &dyn std::fmt::Display| Error::format("the safetensors file", error);
    let header = header(entries, metadata)?;
    let mut write = |bytes: &[u8]| out.write_all(bytes).map_err(|error| fail(&error));
    write(&(header.len() as u64).to_le_bytes())?;
    write(header.as_bytes())?;
    for (at, entry) in entries.iter().enumerate() {
        let bytes = data(at)?;
        if bytes.len() != entry.bytes() {
            return Err(fail(&format!(
                "`{}` has {} bytes; its shape and type need {}",
                entry.name,
                bytes.len(),
                entry.bytes()
            )));
        }
        write(&bytes)?;
    }
    Ok(())
}

/// Little-endian f32 values of a tensor, row-major.
pub fn f32_bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let values = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
    let values = values.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.into_iter().flat_map(f32::to_le_bytes).collect())
}

/// The header, padded so that the data starts at a multiple of eight.
fn header(entries: &[Entry], metadata: &BTreeMap<String, String>) -> Result<String> {
    /// A tensor's fields, in the order of the format's description.
    #[derive(Serialize)]
    struct Fields<'a> {
        dtype: String,
        shape: &'a [usize],
        data_offsets: [usize; 2],
    }
    let mut header = format!("{{\"__metadata__\":{}", to_json(metadata)?);
    let mut from = 0;
    for entry in entries {
        let to = from + entry.bytes();
        let fields = Fields {
            dtype: entry.dtype.name().to_uppercase(),
            shape: &entry.dims,
            data_offsets: [from, to],
        };
        header.push_str(&format!(",{}:{}", to_json(&entry.name)?, to_json(&fields)?));
        from = to;
    }
    header.push('}');
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    Ok(header)
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::format("the safetensors header", error))
}
