//! Which bytes of a model's files are fetched, and how the small file is made of
//! them that the worker opens.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use clipwright_shared::clip::{Configuration, ModelFile};
use clipwright_shared::formats::{Outline, SCALE, StoredTensor, StoredType};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::state::Problem;

/// What is stored at once. Large enough for few entries, small enough that little
/// is lost.
pub const CHUNK_BYTES: u64 = 8 << 20;

/// Small models are cut finer, into about so many chunks.
const CHUNKS: u64 = 32;
const SMALLEST_CHUNK: u64 = 256 << 10;

/// Fetched first of a safetensors file: most headers fit, with their length.
const PROBE_BYTES: u64 = 96 << 10;

/// The format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// What is known of a safetensors file's header after its first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderProbe {
    /// So many bytes from the beginning on hold it.
    Needs(u64),
    Whole(Header),
}

/// The header of a safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    json: Vec<u8>,
}

impl HeaderProbe {
    /// What to fetch first.
    pub fn first() -> Self {
        Self::Needs(PROBE_BYTES)
    }

    /// Reads the file's first bytes.
    ///
    /// # Errors
    /// If they are no safetensors file's.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let (length, rest) = bytes
            .split_first_chunk::<8>()
            .filter(|(_, rest)| rest.first() == Some(&b'{'))
            .ok_or_else(|| unfit("its weights are no safetensors file".into()))?;
        let length = u64::from_le_bytes(*length);
        if length > LONGEST_HEADER {
            return Err(unfit(format!(
                "the header of its weights has {length} bytes"
            )));
        }
        Ok(match rest.get(..length as usize) {
            Some(json) => Self::Whole(Header { json: json.into() }),
            None => Self::Needs(8 + length),
        })
    }
}

/// The wanted bytes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub file: String,
    /// Bytes of the whole file.
    pub file_bytes: u64,
    /// From and to, ascending.
    pub spans: Vec<(u64, u64)>,
}

/// What is fetched: the wanted bytes of all parts in one row, cut into chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The header of the file that is made; none for a file that is taken whole.
    pub header: Option<String>,
    pub parts: Vec<Part>,
    pub chunk_bytes: u64,
}

/// A tensor that is told of by the header of the file numbered `file`.
struct Told {
    file: usize,
    name: String,
    dtype: StoredType,
    dims: Vec<usize>,
    place: Range<u64>,
}

impl Plan {
    /// A file that is no safetensors is fetched as it is.
    pub fn whole(file: &str, bytes: u64) -> Self {
        let part = Part {
            file: file.into(),
            file_bytes: bytes,
            spans: vec![(0, bytes)],
        };
        Self::cut(None, vec![part])
    }

    /// The tensors that a CLIP needs, of safetensors files with their headers.
    ///
    /// # Errors
    /// If they hold no CLIP that the worker would open.
    pub fn of_safetensors(
        files: &[(String, Header)],
        configurations: &[Configuration],
    ) -> Result<Self, Problem> {
        let mut told = Vec::new();
        let mut file_bytes = Vec::new();
        let mut metadata = BTreeMap::new();
        let mut checkpoints = Vec::new();
        for (file, (name, header)) in files.iter().enumerate() {
            let outline = Outline::read(&header.json);
            let mut outline = outline.map_err(|error| unfit(format!("{name}: {error}")))?;
            file_bytes.push(8 + header.json.len() as u64 + outline.data_bytes());
            tell(file, &mut outline, &mut told);
            metadata.append(&mut outline.checkpoint.metadata.clone());
            checkpoints.push(outline.checkpoint);
        }
        let wanted = wanted(checkpoints, configurations)?;
        told.retain(|tensor| {
            let scaled = tensor.name.strip_suffix(SCALE).unwrap_or(&tensor.name);
            wanted.contains(&tensor.name) || wanted.contains(scaled)
        });

        let mut parts: Vec<Part> = files
            .iter()
            .zip(file_bytes)
            .map(|((name, _), file_bytes)| Part {
                file: name.clone(),
                file_bytes,
                spans: Vec::new(),
            })
            .collect();
        let mut entries = vec![format!("\"__metadata__\":{}", json!(metadata))];
        let mut offset = 0;
        for tensor in told {
            let behind_header = 8 + files[tensor.file].1.json.len() as u64;
            let bytes = tensor.place.end - tensor.place.start;
            entries.push(entry(&tensor, offset));
            parts[tensor.file].want(
                behind_header + tensor.place.start,
                behind_header + tensor.place.end,
            );
            offset += bytes;
        }
        parts.retain(|part| !part.spans.is_empty());
        let mut header = format!("{{{}}}", entries.join(","));
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        Ok(Self::cut(Some(header), parts))
    }

    fn cut(header: Option<String>, parts: Vec<Part>) -> Self {
        let mut plan = Self {
            header,
            parts,
            chunk_bytes: CHUNK_BYTES,
        };
        let even = plan.bytes().div_ceil(CHUNKS).next_multiple_of(64 << 10);
        plan.chunk_bytes = even.clamp(SMALLEST_CHUNK, CHUNK_BYTES);
        plan
    }

    /// Bytes to fetch in all.
    pub fn bytes(&self) -> u64 {
        let spans = self.parts.iter().flat_map(|part| &part.spans);
        spans.map(|(from, to)| to - from).sum()
    }

    /// Bytes of the files that they are taken from.
    pub fn file_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.file_bytes).sum()
    }

    pub fn chunks(&self) -> usize {
        self.bytes().div_ceil(self.chunk_bytes.max(1)) as usize
    }

    /// The place of a chunk in the row.
    pub fn chunk(&self, number: usize) -> Range<u64> {
        let from = number as u64 * self.chunk_bytes;
        from..(from + self.chunk_bytes).min(self.bytes())
    }

    /// What stands before the chunks in the file that they make.
    pub fn head(&self) -> Vec<u8> {
        let Some(header) = &self.header else {
            return Vec::new();
        };
        let mut head = (header.len() as u64).to_le_bytes().to_vec();
        head.extend_from_slice(header.as_bytes());
        head
    }
}

impl Part {
    fn want(&mut self, from: u64, to: u64) {
        match self.spans.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ if from == to => {}
            _ => self.spans.push((from, to)),
        }
    }
}

/// Notes what `outline` tells, scales of quantised tensors included.
fn tell(file: usize, outline: &mut Outline, told: &mut Vec<Told>) {
    for (name, place) in std::mem::take(&mut outline.places) {
        let tensors = &outline.checkpoint.tensors;
        let scaled = name.strip_suffix(SCALE).and_then(|name| tensors.get(name));
        let tensor = tensors.get(&name);
        if let Some(tensor) = tensor.or(scaled.and_then(StoredTensor::scale)) {
            told.push(Told {
                file,
                dtype: tensor.dtype,
                dims: tensor.dims.clone(),
                name,
                place,
            });
        }
    }
}

/// The names in the files of all that a CLIP of their sizes has.
fn wanted(
    checkpoints: Vec<clipwright_shared::formats::Checkpoint<'_>>,
    configurations: &[Configuration],
) -> Result<BTreeSet<String>, Problem> {
    let model = ModelFile::open(checkpoints, configurations);
    let model = model.map_err(|error| unfit(error.to_string()))?;
    model.config().map_err(|error| unfit(error.to_string()))?;
    let audit = model.audit();
    if !audit.is_clean() {
        return Err(unfit(format!("its weights do not fit: {audit}")));
    }
    let names = model.slots().into_iter().flat_map(|(name, dims)| {
        let parts = model.naming.place(&name).split(&dims);
        parts
            .into_iter()
            .map(|(name, _)| format!("{}{name}", model.prefix))
    });
    Ok(names.collect())
}

/// A tensor in the new header.
fn entry(tensor: &Told, offset: u64) -> String {
    let bytes = tensor.place.end - tensor.place.start;
    let fields = json!({
        "dtype": tensor.dtype.name().to_uppercase(),
        "shape": tensor.dims,
        "data_offsets": [offset, offset + bytes],
    });
    format!("{}:{fields}", json!(tensor.name))
}

fn unfit(message: String) -> Problem {
    Problem::new(
        message,
        "choose another repository: CLIP models of OpenAI, open_clip (LAION, DataComp) and \
         TinyCLIP are read here",
    )
}

#[cfg(test)]
mod tests;
