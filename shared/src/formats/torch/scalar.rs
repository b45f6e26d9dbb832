//! numpy's numbers, which evaluation results are saved as.

use serde_json::Value as Json;

use super::value::{Node, Pickle, Value};

/// The number that `numpy.core.multiarray.scalar(dtype, bytes)` would make.
pub(super) fn scalar(pickle: &Pickle<'_>, value: Value) -> Option<Json> {
    let (module, "scalar", &[dtype, bytes]) = pickle.call(value)? else {
        return None;
    };
    if !module.starts_with("numpy") {
        return None;
    }
    let ("numpy", "dtype", &[name, ..]) = pickle.call(dtype)? else {
        return None;
    };
    let bytes = raw_bytes(pickle, bytes)?;
    let bytes = bytes.as_slice();
    // Byte order lies in the state: `(version, '<', ...)`.
    let state = match pickle.as_node(dtype)? {
        Node::Object(object) => pickle.items(object.state?)?,
        _ => return None,
    };
    if pickle.text(*state.get(1)?) == Some(">") {
        return None;
    }
    Some(match pickle.text(name)? {
        "f8" => f64::from_le_bytes(bytes.try_into().ok()?).into(),
        "f4" => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)).into(),
        "i8" => i64::from_le_bytes(bytes.try_into().ok()?).into(),
        "i4" => i32::from_le_bytes(bytes.try_into().ok()?).into(),
        "b1" => (*bytes.first()? != 0).into(),
        _ => return None,
    })
}

/// The few bytes of a number: as they are, or as the Latin-1 text that pickles of
/// protocol 2 hold in their stead.
fn raw_bytes(pickle: &Pickle<'_>, value: Value) -> Option<Vec<u8>> {
    if let Value::Bytes(span) = value {
        return Some(pickle.slice(span).iter().copied().take(16).collect());
    }
    let ("_codecs", "encode", &[text, ..]) = pickle.call(value)? else {
        return None;
    };
    let text = pickle.text(text)?.chars().take(16);
    text.map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
