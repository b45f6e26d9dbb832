//! Small files of each container, byte by byte.

use super::targets::zip;

/// A safetensors file: the header's text, then `data` bytes of zeros.
pub fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

/// One tensor's entry in such a header.
pub fn entry(name: &str, dtype: &str, shape: &str, from: u64, to: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}"#)
}

/// An archive of `torch.save`: its pickle, and a storage of 16 floats.
pub fn archive(pickle: &[u8]) -> Vec<u8> {
    archive_with(pickle, &[])
}

/// The same with more entries.
pub fn archive_with(pickle: &[u8], more: &[(&str, &[u8])]) -> Vec<u8> {
    let storage = floats();
    let mut entries = vec![
        ("model/data.pkl".to_string(), pickle),
        ("model/data/0".to_string(), storage.as_slice()),
    ];
    for (name, bytes) in more {
        entries.push((format!("model/{name}"), bytes));
    }
    zip(&entries)
}

/// An archive of `torch.jit.save`.
pub fn torch_script(pickle: &[u8]) -> Vec<u8> {
    archive_with(pickle, &[("constants.pkl", b"\x80\x02).")])
}

/// A file of `torch.save` before 1.6 with one storage of 16 floats.
pub fn legacy(pickle: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend_from_slice(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
    file.extend_from_slice(b"\x80\x02M\xe9\x03.");
    file.extend_from_slice(b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
    file.extend_from_slice(pickle);
    file.extend_from_slice(b"\x80\x02]X\x01\0\0\x000a.");
    file.extend_from_slice(&16_i64.to_le_bytes());
    file.extend_from_slice(&floats());
    file
}

/// 0, 1, 2 … 15.
fn floats() -> Vec<u8> {
    (0_u8..16)
        .flat_map(|x| f32::from(x).to_le_bytes())
        .collect()
}

/// A pickle of protocol 2 whose value the opcodes build.
pub fn pickle(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x02", opcodes, b"."].concat()
}

/// The opcodes of a text.
pub fn text(text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    [b"X", &length[..], text.as_bytes()].concat()
}

/// The opcodes of an integer.
pub fn int(number: i64) -> Vec<u8> {
    [b"\x8a\x08", &number.to_le_bytes()[..]].concat()
}

/// The opcodes of a tuple.
pub fn tuple(parts: &[Vec<u8>]) -> Vec<u8> {
    [b"(", parts.concat().as_slice(), b"t"].concat()
}

/// The opcodes of a dictionary.
pub fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries = entries
        .iter()
        .flat_map(|(name, value)| [text(name), value.clone()].concat());
    [b"}(", entries.collect::<Vec<u8>>().as_slice(), b"u"].concat()
}

/// The opcodes of a function or class by name.
pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// The opcodes of a call.
pub fn call(module: &str, name: &str, arguments: &[Vec<u8>]) -> Vec<u8> {
    [global(module, name), tuple(arguments), b"R".to_vec()].concat()
}

/// A tensor as PyTorch describes it.
#[derive(Clone)]
pub struct Described {
    pub storage: &'static str,
    pub key: &'static str,
    pub count: i64,
    pub offset: i64,
    pub dims: Vec<i64>,
    pub strides: Vec<i64>,
}

impl Default for Described {
    fn default() -> Self {
        Self {
            storage: "FloatStorage",
            key: "0",
            count: 16,
            offset: 0,
            dims: vec![4, 4],
            strides: vec![4, 1],
        }
    }
}

impl Described {
    /// Its opcodes.
    pub fn opcodes(&self) -> Vec<u8> {
        let sizes = |sizes: &[i64]| tuple(&sizes.iter().map(|&size| int(size)).collect::<Vec<_>>());
        let storage = tuple(&[
            text("storage"),
            global("torch", self.storage),
            text(self.key),
            text("cpu"),
            int(self.count),
        ]);
        let arguments = [
            [storage, b"Q".to_vec()].concat(),
            int(self.offset),
            sizes(&self.dims),
            sizes(&self.strides),
            b"\x89".to_vec(),
            call("collections", "OrderedDict", &[]),
        ];
        call("torch._utils", "_rebuild_tensor_v2", &arguments)
    }
}

/// A state dict with one tensor.
pub fn state_dict() -> Vec<u8> {
    pickle(&dict(&[("weight", Described::default().opcodes())]))
}

/// A TorchScript module with a module in it.
pub fn script_module() -> Vec<u8> {
    let module = |class: &str, attributes: &[(&str, Vec<u8>)]| {
        [
            global("__torch__.model", class),
            b")\x81".to_vec(),
            dict(attributes),
            b"b".to_vec(),
        ]
        .concat()
    };
    let inner = module("Inner", &[("weight", Described::default().opcodes())]);
    pickle(&module(
        "Outer",
        &[("training", b"\x89".to_vec()), ("inner", inner)],
    ))
}
