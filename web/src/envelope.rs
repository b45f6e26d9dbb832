//! What travels by `postMessage`: a small JSON text, and bytes beside it as
//! `ArrayBuffer`s that are handed over, never copied.
//!
//! Page → worker `{ json, files: [{ name, content }] }`, worker → page `{ json,
//! milliseconds, pixels }`. A file's content is an `ArrayBuffer`; a model's may also be a
//! `Blob`, or a `MessagePort` that it comes through, as `worker::readers` says; that one may
//! have beside it, in `again`, an address or more such ports for whoever reads it once more.

use std::rc::Rc;

use clipwright_shared::protocol::{Event, Message};
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, MessagePort};

use crate::engine::{Content, NamedFile, Reply};
use crate::worker::{BlobReader, PortReader};

const JSON: &str = "json";
const FILES: &str = "files";
const NAME: &str = "name";
const CONTENT: &str = "content";
const AGAIN: &str = "again";
const MILLISECONDS: &str = "milliseconds";
const PIXELS: &str = "pixels";

/// A file that goes along.
#[derive(Clone)]
pub struct Enclosed {
    pub name: String,
    pub content: JsValue,
    /// Where what comes through a port can be read again, or undefined.
    pub again: JsValue,
}

impl Enclosed {
    pub fn new(name: impl Into<String>, content: impl Into<JsValue>) -> Self {
        Self {
            name: name.into(),
            content: content.into(),
            again: JsValue::UNDEFINED,
        }
    }
}

/// A message with its files, and what to transfer with it.
pub fn message_to_worker(
    message: &Message,
    files: &[Enclosed],
) -> Result<(JsValue, Array), String> {
    json_to_worker(to_json(message)?, files)
}

/// The same for a message that is JSON already.
pub fn json_to_worker(json: JsValue, files: &[Enclosed]) -> Result<(JsValue, Array), String> {
    let envelope = Object::new();
    set(&envelope, JSON, &json)?;
    let (list, transfer) = (Array::new(), Array::new());
    for file in files {
        let object = Object::new();
        set(&object, NAME, &file.name.as_str().into())?;
        set(&object, CONTENT, &file.content)?;
        set(&object, AGAIN, &file.again)?;
        list.push(&object);
        if !file.content.is_instance_of::<Blob>() {
            transfer.push(&file.content);
        }
    }
    set(&envelope, FILES, &list)?;
    Ok((envelope.into(), transfer))
}

/// The message in an envelope, with its files. `wake` is called whenever more has come of
/// one.
pub fn read_message(
    envelope: &JsValue,
    wake: &Rc<dyn Fn()>,
) -> Result<(Message, Vec<NamedFile>), String> {
    let mut files = Vec::new();
    if let Ok(list) = get(envelope, FILES)?.dyn_into::<Array>() {
        for file in list.iter() {
            let content = get(&file, CONTENT)?;
            let content = if let Some(bytes) = content.dyn_ref::<ArrayBuffer>() {
                Content::Bytes(Uint8Array::new(bytes).to_vec())
            } else if let Some(blob) = content.dyn_ref::<Blob>() {
                Content::Elsewhere(Box::new(BlobReader::new(blob.clone())?))
            } else if let Some(port) = content.dyn_ref::<MessagePort>() {
                Content::Elsewhere(Box::new(PortReader::new(port.clone(), wake.clone())))
            } else {
                return Err("a file without its content".into());
            };
            files.push(NamedFile {
                name: get(&file, NAME)?.as_string().unwrap_or_default(),
                content,
            });
        }
    }
    Ok((from_json(envelope)?, files))
}

/// Files that can be read once more: each content is a `Blob`, the text of an address, or
/// an array of ports, one for each time.
pub type FilesAgain = Vec<Enclosed>;

/// The files in an envelope, if all of them can be read once more.
pub fn files_again(envelope: &JsValue) -> Option<FilesAgain> {
    let files: Array = get(envelope, FILES).ok()?.dyn_into().ok()?;
    let files = files.iter().map(|file| {
        let name = get(&file, NAME).ok()?.as_string()?;
        let content = get(&file, CONTENT).ok()?;
        let again = match content.is_instance_of::<Blob>() {
            true => content,
            false => get(&file, AGAIN).ok().filter(JsValue::is_truthy)?,
        };
        Some(Enclosed::new(name, again))
    });
    files.collect()
}

/// A reply with the time that its task took, and what to transfer with it.
pub fn reply_to_page(reply: &Reply, milliseconds: f64) -> Result<(JsValue, Array), String> {
    let envelope = Object::new();
    set(&envelope, JSON, &to_json(&reply.event)?)?;
    set(&envelope, MILLISECONDS, &milliseconds.into())?;
    let transfer = Array::new();
    if !reply.pixels.is_empty() {
        let pixels = Uint8Array::from(reply.pixels.as_slice()).buffer();
        set(&envelope, PIXELS, &pixels)?;
        transfer.push(&pixels);
    }
    Ok((envelope.into(), transfer))
}

/// What came from the worker.
pub struct FromWorker<E = Event> {
    pub event: E,
    /// How long its task has taken.
    pub milliseconds: f64,
    /// RGBA.
    pub pixels: Option<ArrayBuffer>,
}

/// The event in an envelope: an [`Event`], or whatever is told of one.
pub fn read_reply<E: DeserializeOwned>(envelope: &JsValue) -> Result<FromWorker<E>, String> {
    Ok(FromWorker {
        event: from_json(envelope)?,
        milliseconds: get(envelope, MILLISECONDS)?.as_f64().unwrap_or_default(),
        pixels: get(envelope, PIXELS)?.dyn_into().ok(),
    })
}

fn to_json(value: &impl Serialize) -> Result<JsValue, String> {
    let json = serde_json::to_string(value).map_err(|error| error.to_string())?;
    Ok(json.into())
}

fn from_json<T: DeserializeOwned>(envelope: &JsValue) -> Result<T, String> {
    let json = get(envelope, JSON)?.as_string();
    let json = json.ok_or("a message without a JSON text; expected one from clipwright")?;
    serde_json::from_str(&json)
        .map_err(|error| format!("a message that is not understood: {error}"))
}

fn get(object: &JsValue, key: &str) -> Result<JsValue, String> {
    Reflect::get(object, &key.into()).map_err(|_| format!("a message without `{key}`"))
}

fn set(object: &Object, key: &str, value: &JsValue) -> Result<(), String> {
    let done = Reflect::set(object, &key.into(), value);
    done.map(|_| ())
        .map_err(|_| format!("`{key}` cannot be set"))
}
