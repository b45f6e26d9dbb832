//! Writing what `torch.load` reads: an archive of `torch.save`, from plain values
//! and tensors.
//!
//! A pickle of protocol 2, as PyTorch writes it, without its memo: nothing here is
//! referred to twice. The same content always gives the same bytes.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::invalid;
use crate::error::Result;

/// A value to be saved.
#[derive(Debug, Clone, PartialEq)]
pub enum SavedValue {
    None,
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<SavedValue>),
    /// A `dict`, in the order of its entries.
    Dict(Vec<(String, SavedValue)>),
    /// An `OrderedDict`: what a state dict is.
    OrderedDict(Vec<(String, SavedValue)>),
    /// A tensor of f32, row-major.
    Tensor {
        dims: Vec<usize>,
        values: Vec<f32>,
    },
}

/// The folder in the archive that everything lies in.
const ROOT: &str = "archive";
/// Where the bytes of each storage begin in the file, as PyTorch places them.
const ALIGNMENT: u16 = 64;

/// The bytes of the file that `torch.save` would write for `root`.
///
/// # Errors
/// [`crate::Error::Format`] if a tensor's values do not fit its shape, or the archive
/// cannot be made.
pub fn torch_archive(root: &SavedValue) -> Result<Vec<u8>> {
    let mut pickle = Pickler::default();
    pickle.bytes.extend(PROTOCOL);
    pickle.value(root)?;
    pickle.bytes.push(b'.');
    let mut entries = vec![
        ("data.pkl".to_string(), pickle.bytes),
        (".format_version".into(), b"1".to_vec()),
        (".storage_alignment".into(), b"64".to_vec()),
        ("byteorder".into(), b"little".to_vec()),
    ];
    for (key, values) in pickle.storages.into_iter().enumerate() {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        entries.push((format!("data/{key}"), bytes.collect()));
    }
    entries.push(("version".into(), b"3\n".to_vec()));
    zip(&entries)
}

fn zip(entries: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let fail = |error: &dyn std::fmt::Display| invalid(format!("it cannot be written: {error}"));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // Without a time of its own: the same content, the same bytes.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .with_alignment(ALIGNMENT);
    for (name, bytes) in entries {
        archive
            .start_file(format!("{ROOT}/{name}"), options)
            .map_err(|error| fail(&error))?;
        archive.write_all(bytes).map_err(|error| fail(&error))?;
    }
    let file = archive.finish().map_err(|error| fail(&error))?;
    Ok(file.into_inner())
}

const PROTOCOL: [u8; 2] = [0x80, 2];
const MARK: u8 = b'(';
const TUPLE: u8 = b't';
const EMPTY_TUPLE: u8 = b')';
const EMPTY_LIST: u8 = b']';
const APPENDS: u8 = b'e';
const EMPTY_DICT: u8 = b'}';
const SET_ITEMS: u8 = b'u';
const NONE: u8 = b'N';
const FALSE: u8 = 0x89;
const INT_32: u8 = b'J';
const INT_LONG: u8 = 0x8a;
const FLOAT: u8 = b'G';
const TEXT: u8 = b'X';
const GLOBAL: u8 = b'c';
const REDUCE: u8 = b'R';
const PERSISTENT: u8 = b'Q';

/// A pickle in the making, with the storages that it refers to by number.
#[derive(Default)]
struct Pickler<'a> {
    bytes: Vec<u8>,
    storages: Vec<&'a [f32]>,
}

impl<'a> Pickler<'a> {
    fn value(&mut self, value: &'a SavedValue) -> Result<()> {
        match value {
            SavedValue::None => self.bytes.push(NONE),
            SavedValue::Int(number) => self.int(*number),
            SavedValue::Float(number) => {
                self.bytes.push(FLOAT);
                self.bytes.extend(number.to_be_bytes());
            }
            SavedValue::Text(text) => self.text(text),
            SavedValue::List(items) => {
                self.bytes.extend([EMPTY_LIST, MARK]);
                for item in items {
                    self.value(item)?;
                }
                self.bytes.push(APPENDS);
            }
            SavedValue::Dict(entries) => {
                self.bytes.push(EMPTY_DICT);
                self.entries(entries)?;
            }
            SavedValue::OrderedDict(entries) => {
                self.ordered_dict();
                self.entries(entries)?;
            }
            SavedValue::Tensor { dims, values } => self.tensor(dims, values)?,
        }
        Ok(())
    }

    fn entries(&mut self, entries: &'a [(String, SavedValue)]) -> Result<()> {
        self.bytes.push(MARK);
        for (key, value) in entries {
            self.text(key);
            self.value(value)?;
        }
        self.bytes.push(SET_ITEMS);
        Ok(())
    }

    fn int(&mut self, number: i64) {
        match i32::try_from(number) {
            Ok(number) => {
                self.bytes.push(INT_32);
                self.bytes.extend(number.to_le_bytes());
            }
            Err(_) => {
                self.bytes.extend([INT_LONG, 8]);
                self.bytes.extend(number.to_le_bytes());
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes.push(TEXT);
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn global(&mut self, module: &str, name: &str) {
        self.bytes.push(GLOBAL);
        self.bytes.extend(format!("{module}\n{name}\n").bytes());
    }

    /// An empty one.
    fn ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.bytes.extend([EMPTY_TUPLE, REDUCE]);
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.bytes.push(MARK);
        for size in sizes {
            self.int(*size as i64);
        }
        self.bytes.push(TUPLE);
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`.
    fn tensor(&mut self, dims: &[usize], values: &'a [f32]) -> Result<()> {
        if dims.iter().product::<usize>() != values.len() {
            let count = values.len();
            return Err(invalid(format!(
                "shape {dims:?} does not fit {count} values"
            )));
        }
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.bytes.extend([MARK, MARK]);
        self.text("storage");
        self.global("torch", "FloatStorage");
        self.text(&self.storages.len().to_string());
        self.text("cpu");
        self.int(values.len() as i64);
        self.bytes.extend([TUPLE, PERSISTENT]);
        self.storages.push(values);
        self.int(0);
        self.sizes(dims);
        let mut strides = vec![1; dims.len()];
        for at in (1..dims.len()).rev() {
            strides[at - 1] = strides[at] * dims[at].max(1);
        }
        self.sizes(&strides);
        self.bytes.push(FALSE);
        self.ordered_dict();
        self.bytes.extend([TUPLE, REDUCE]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{SavedValue, torch_archive};
    use crate::formats::Checkpoint;

    #[test]
    fn what_is_saved_is_read_back() {
        let tensor = |dims: &[usize], first: f32| SavedValue::Tensor {
            dims: dims.into(),
            values: (0..dims.iter().product())
                .map(|at| first + at as f32)
                .collect(),
        };
        let name = |name: &str| name.to_string();
        let root = SavedValue::Dict(vec![
            (
                name("state_dict"),
                SavedValue::OrderedDict(vec![
                    (name("ctx"), tensor(&[2, 3], 0.5)),
                    (name("scalar"), tensor(&[], f32::NAN)),
                    (name("empty"), tensor(&[0, 4], 0.0)),
                ]),
            ),
            (name("epoch"), SavedValue::Int(-3)),
            (name("large"), SavedValue::Int(i64::MIN)),
            (name("rate"), SavedValue::Float(0.1)),
            (name("text"), SavedValue::Text("naïve 猫".into())),
            (
                name("list"),
                SavedValue::List(vec![SavedValue::Int(1), SavedValue::None]),
            ),
            (name("nothing"), SavedValue::List(Vec::new())),
        ]);
        let bytes = torch_archive(&root).unwrap();
        assert_eq!(bytes, torch_archive(&root).unwrap());
        let read = Checkpoint::read(&bytes).unwrap();
        let values = |name: &str| {
            let tensor = read.tensors[name].to_f32_tensor().unwrap();
            tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(values("state_dict.ctx"), [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
        assert_eq!(read.tensors["state_dict.ctx"].dims, [2, 3]);
        assert!(values("state_dict.scalar")[0].is_nan());
        assert_eq!(read.tensors["state_dict.empty"].dims, [0, 4]);
        for (name, expected) in [
            ("epoch", serde_json::json!(-3)),
            ("large", serde_json::json!(i64::MIN)),
            ("rate", serde_json::json!(0.1)),
            ("text", serde_json::json!("naïve 猫")),
            ("list.0", serde_json::json!(1)),
        ] {
            assert_eq!(read.values[name], expected, "{name}");
        }
        assert_eq!(read.values.len(), 5);
        let odd = SavedValue::Tensor {
            dims: vec![2],
            values: vec![1.0],
        };
        assert!(torch_archive(&odd).is_err());
    }
}
