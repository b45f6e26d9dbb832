//! Tensors in a pickle: which storage they are views of, and how.

use std::collections::BTreeMap;

use super::shown;
use super::value::{Node, Pickle, Value};
use crate::formats::{StoredTensor, StoredType};

/// Parameters wrap tensors, and wrappers wrap parameters; never more deeply.
const MOST_WRAPPERS: usize = 8;

/// The bytes of storages by their key in the file.
pub(super) type Storages<'a> = BTreeMap<String, &'a [u8]>;

/// A storage as a pickle refers to it.
pub(super) struct StorageReference<'p> {
    /// Its element type; none for a storage of plain bytes.
    pub(super) dtype: Option<StoredType>,
    pub(super) key: &'p str,
    /// Its elements; its bytes if it has no element type.
    pub(super) count: usize,
    /// The part of the storage that is meant, where it is not the whole: its first
    /// element and the number of elements. Files before PyTorch 0.4.
    part: Option<(usize, usize)>,
}

impl StorageReference<'_> {
    /// The bytes of the storage, if they can be counted.
    pub(super) fn nbytes(&self) -> Option<usize> {
        self.count
            .checked_mul(self.dtype.map_or(1, StoredType::size))
    }
}

/// Reads the reference that PyTorch leaves where a storage is:
/// `('storage', type, key, device, elements, part)`.
///
/// # Errors
/// Why the storage cannot be read; `None` if it is another kind of reference.
pub(super) fn storage_reference<'p>(
    pickle: &Pickle<'p>,
    value: Value,
) -> std::result::Result<Option<StorageReference<'p>>, String> {
    let Some(Node::Persistent(id)) = pickle.as_node(value) else {
        return Ok(None);
    };
    let Some(&[kind, class, key, _device, count, ref rest @ ..]) = pickle.items(*id) else {
        return Ok(None);
    };
    if pickle.text(kind) != Some("storage") {
        return Ok(None);
    }
    let (_, class) = pickle.global(class).ok_or("its storage has no type")?;
    let key = pickle.text(key).ok_or("its storage has no key")?;
    let count = size(count).ok_or("its storage has no size")?;
    let part = match rest {
        [] | [Value::None] => None,
        [part, ..] => match pickle.items(*part) {
            Some(&[_key, from, length]) => size(from).zip(size(length)),
            _ => return Err("the part of its storage is not described".into()),
        },
    };
    Ok(Some(StorageReference {
        dtype: storage_type(class)?,
        key,
        count,
        part,
    }))
}

/// The tensor that `value` would be, if it is one.
///
/// # Errors
/// Why there can be no such tensor.
pub(super) fn tensor<'a>(
    pickle: &Pickle<'_>,
    mut value: Value,
    storages: &Storages<'a>,
) -> std::result::Result<Option<StoredTensor<'a>>, String> {
    for _ in 0..MOST_WRAPPERS {
        let Some((module, name, arguments)) = pickle.call(value) else {
            return Ok(None);
        };
        match (module, name, arguments) {
            // (function, type, arguments, state): a subclass of Tensor.
            ("torch._tensor", "_rebuild_from_type_v2", &[function, _, arguments, ..]) => {
                let inner = pickle
                    .items(arguments)
                    .ok_or("its arguments are no tuple")?;
                return match pickle.global(function) {
                    Some(("torch._utils", name)) => rebuilt(pickle, name, inner, storages),
                    _ => Ok(None),
                };
            }
            (
                "torch._utils",
                "_rebuild_parameter" | "_rebuild_parameter_with_state",
                &[data, ..],
            ) => {
                value = data;
            }
            ("torch._utils", name, arguments) => {
                return rebuilt(pickle, name, arguments, storages);
            }
            _ => return Ok(None),
        }
    }
    Err("it is wrapped too often".into())
}

/// What `torch._utils.NAME` would make of its arguments: storage, offset, size,
/// stride; with the third version the element type too.
fn rebuilt<'a>(
    pickle: &Pickle<'_>,
    name: &str,
    arguments: &[Value],
    storages: &Storages<'a>,
) -> std::result::Result<Option<StoredTensor<'a>>, String> {
    let has_type = match name {
        "_rebuild_tensor" | "_rebuild_tensor_v2" => false,
        "_rebuild_tensor_v3" => true,
        _ => return Ok(None),
    };
    let &[storage, offset, dims, strides, ref rest @ ..] = arguments else {
        return Err("it has too few arguments".into());
    };
    let reference = storage_reference(pickle, storage)?.ok_or("it has no storage")?;
    let own_type = match rest {
        // requires_grad, hooks, type.
        &[_, _, dtype, ..] if has_type => match pickle.global(dtype) {
            Some(("torch", name)) => Some(element_type(name)?),
            _ => return Err("its element type is not named".into()),
        },
        _ => None,
    };
    let dtype = own_type
        .or(reference.dtype)
        .ok_or("its storage has no element type")?;
    let mut bytes = *storages
        .get(reference.key)
        .ok_or_else(|| format!("its storage `{}` is not in the file", shown(reference.key)))?;
    if reference.nbytes() != Some(bytes.len()) {
        return Err(format!(
            "its storage `{}` has {} bytes; expected {} elements of {}",
            shown(reference.key),
            bytes.len(),
            reference.count,
            reference.dtype.map_or("one byte", StoredType::name)
        ));
    }
    if let Some((from, length)) = reference.part {
        let range = from
            .checked_mul(dtype.size())
            .zip(length.checked_mul(dtype.size()));
        bytes = range
            .and_then(|(from, length)| bytes.get(from..)?.get(..length))
            .ok_or("its part of a storage goes beyond it")?;
    }
    let offset = size(offset).ok_or("its offset is no number of elements")?;
    let dims = sizes(pickle, dims).ok_or("its shape is not a tuple of sizes")?;
    let strides = sizes(pickle, strides).ok_or("its strides are not a tuple of sizes")?;
    StoredTensor::view(dtype, dims, strides, offset, bytes).map(Some)
}

/// A number of elements: not negative.
fn size(value: Value) -> Option<usize> {
    match value {
        Value::Int(size) => size.try_into().ok(),
        _ => None,
    }
}

/// A shape or strides: a tuple, or a `torch.Size` of one.
fn sizes(pickle: &Pickle<'_>, value: Value) -> Option<Vec<usize>> {
    let items = match pickle.call(value) {
        Some(("torch", "Size", &[items])) => items,
        _ => value,
    };
    let items = pickle.items(items)?;
    items
        .iter()
        .take(MOST_SIZES)
        .map(|&item| size(item))
        .collect()
}

/// More sizes are refused, whatever they are; a shape may be referred to often.
const MOST_SIZES: usize = 64;

/// The element type of a storage's class; none for bytes without one.
fn storage_type(class: &str) -> std::result::Result<Option<StoredType>, String> {
    Ok(Some(match class {
        "UntypedStorage" => return Ok(None),
        "DoubleStorage" => StoredType::F64,
        "FloatStorage" => StoredType::F32,
        "HalfStorage" => StoredType::F16,
        "BFloat16Storage" => StoredType::Bf16,
        "LongStorage" => StoredType::I64,
        "IntStorage" => StoredType::I32,
        "ShortStorage" => StoredType::I16,
        "CharStorage" => StoredType::I8,
        "ByteStorage" => StoredType::U8,
        "BoolStorage" => StoredType::Bool,
        other => return Err(unsupported(other)),
    }))
}

/// A `torch.dtype` by its name.
fn element_type(name: &str) -> std::result::Result<StoredType, String> {
    Ok(match name {
        "float64" | "double" => StoredType::F64,
        "float32" | "float" => StoredType::F32,
        "float16" | "half" => StoredType::F16,
        "bfloat16" => StoredType::Bf16,
        "int64" | "long" => StoredType::I64,
        "int32" | "int" => StoredType::I32,
        "int16" | "short" => StoredType::I16,
        "int8" => StoredType::I8,
        "uint64" => StoredType::U64,
        "uint32" => StoredType::U32,
        "uint16" => StoredType::U16,
        "uint8" => StoredType::U8,
        "bool" => StoredType::Bool,
        other => return Err(unsupported(other)),
    })
}

fn unsupported(name: &str) -> String {
    format!(
        "its type is {}; expected floats of 16 to 64 bits, integers or flags",
        shown(name)
    )
}
