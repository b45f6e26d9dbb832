//! What travels by `postMessage`: a small JSON text, and bytes beside it as an
//! `ArrayBuffer` that is handed over, never copied.
//!
//! Page → worker `{ json, bytes }`, worker → page `{ json, milliseconds }`.

use clipwright_shared::protocol::{Event, Request};
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};

const JSON: &str = "json";
const BYTES: &str = "bytes";
const MILLISECONDS: &str = "milliseconds";

/// A request as a message, and what to transfer with it.
pub fn request_message(
    request: &Request,
    bytes: Option<&ArrayBuffer>,
) -> Result<(JsValue, Array), String> {
    let message = Object::new();
    set(&message, JSON, &to_json(request)?)?;
    set(
        &message,
        BYTES,
        &bytes.map_or(JsValue::NULL, |bytes| bytes.clone().into()),
    )?;
    let transfer = bytes.map_or_else(Array::new, |bytes| Array::of1(bytes));
    Ok((message.into(), transfer))
}

/// The request in a message, with its bytes.
pub fn read_request(message: &JsValue) -> Result<(Request, Vec<u8>), String> {
    let bytes = match get(message, BYTES)?.dyn_into::<ArrayBuffer>() {
        Ok(buffer) => Uint8Array::new(&buffer).to_vec(),
        Err(_) => Vec::new(),
    };
    Ok((from_json(message)?, bytes))
}

/// An event as a message, with the time that its request took.
pub fn event_message(event: &Event, milliseconds: f64) -> Result<JsValue, String> {
    let message = Object::new();
    set(&message, JSON, &to_json(event)?)?;
    set(&message, MILLISECONDS, &milliseconds.into())?;
    Ok(message.into())
}

/// The event in a message, with the time that its request took.
pub fn read_event(message: &JsValue) -> Result<(Event, f64), String> {
    let milliseconds = get(message, MILLISECONDS)?.as_f64().unwrap_or_default();
    Ok((from_json(message)?, milliseconds))
}

fn to_json(value: &impl Serialize) -> Result<JsValue, String> {
    let json = serde_json::to_string(value).map_err(|error| error.to_string())?;
    Ok(json.into())
}

fn from_json<T: DeserializeOwned>(message: &JsValue) -> Result<T, String> {
    let json = get(message, JSON)?.as_string();
    let json = json.ok_or("a message without a JSON text; expected one from clipwright")?;
    serde_json::from_str(&json)
        .map_err(|error| format!("a message that is not understood: {error}"))
}

fn get(message: &JsValue, key: &str) -> Result<JsValue, String> {
    Reflect::get(message, &key.into()).map_err(|_| format!("a message without `{key}`"))
}

fn set(message: &Object, key: &str, value: &JsValue) -> Result<(), String> {
    let done = Reflect::set(message, &key.into(), value);
    done.map(|_| ())
        .map_err(|_| format!("`{key}` cannot be set"))
}
