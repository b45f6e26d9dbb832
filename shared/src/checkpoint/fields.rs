//! Facts in a safetensors header: each field of a struct is a key of its own, its value
//! as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The key that says whose file it is.
const FORMAT: &str = "format";

/// The header of a file of this `format`.
pub fn to_header(
    what: &str,
    format: &str,
    facts: &impl Serialize,
) -> Result<BTreeMap<String, String>> {
    let mut header = BTreeMap::from([(FORMAT.to_string(), format.to_string())]);
    let fields = serde_json::to_value(facts).map_err(|error| Error::format(what, error))?;
    for (key, value) in fields.as_object().into_iter().flatten() {
        header.insert(key.clone(), value.to_string());
    }
    Ok(header)
}

/// The facts in the header of a file that must be of this `format`.
///
/// # Errors
/// [`Error::Format`] if it is not, or a fact is missing.
pub fn from_header<T: DeserializeOwned>(
    what: &str,
    format: &str,
    header: &BTreeMap<String, String>,
) -> Result<T> {
    let mut fields = serde_json::Map::new();
    for (key, value) in header {
        if let Ok(value) = serde_json::from_str(value) {
            fields.insert(key.clone(), value);
        }
    }
    if !is_format(format, header) {
        let found = header.get(FORMAT);
        let found = found.map_or("none".into(), |format| format!("{format:?}"));
        let reason = format!("its format is {found}; expected \"{format}\"");
        return Err(Error::format(what, reason));
    }
    serde_json::from_value(fields.into()).map_err(|error| Error::format(what, error))
}

/// Whether a header is that of a file of this `format`.
pub fn is_format(format: &str, header: &BTreeMap<String, String>) -> bool {
    header.get(FORMAT).is_some_and(|found| found == format)
}
