//! A file from the page's own place that the worker reads while it comes.

use std::cell::Cell;
use std::rc::Rc;

use gloo_events::EventListener;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, MessageChannel, MessageEvent, MessagePort, ReadableStreamDefaultReader,
};

use super::fetch::{cut_short, field, respond};
use crate::envelope::Enclosed;
use crate::state::Problem;

/// Bytes that wait for the worker at most.
const AHEAD: f64 = 8e6;

/// A download that has begun; dropping it ends it.
pub struct Incoming {
    address: String,
    /// Its bytes, if that is known.
    pub bytes: Option<u64>,
    /// Where it comes out, until somebody reads it.
    port: Option<MessagePort>,
    controller: AbortController,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.controller.abort();
    }
}

impl Incoming {
    /// Begins to fetch `url`.
    ///
    /// # Errors
    /// If nothing answers, or not with the file. What goes wrong later is told to whoever
    /// reads it.
    pub async fn fetch(url: &str) -> Result<Self, Problem> {
        let controller = AbortController::new().map_err(|_| cut_short(url))?;
        let response = respond(url, Some(&controller.signal())).await?;
        let header = |name: &str| response.headers().get(name).ok().flatten();
        let length = header("content-length").and_then(|length| length.parse().ok());
        let stream = response.body().ok_or_else(|| cut_short(url))?;
        let reader = stream.get_reader().dyn_into();
        let channel = MessageChannel::new().map_err(|_| cut_short(url))?;
        hand(reader.map_err(|_| cut_short(url))?, channel.port1());
        Ok(Self {
            address: response.url(),
            // A compressed transfer is longer unpacked than its header says.
            bytes: length.filter(|_| header("content-encoding").is_none()),
            port: Some(channel.port2()),
            controller,
        })
    }

    /// The file for the worker, once.
    pub fn enclosed(&mut self, name: &str) -> Option<Enclosed> {
        let port = self.port.take()?;
        let mut enclosed = Enclosed::new(name, port);
        enclosed.again = self.address.as_str().into();
        Some(enclosed)
    }

    /// The address that it comes from.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// A stream on its way into a port.
struct Pump {
    reader: ReadableStreamDefaultReader,
    port: MessagePort,
    /// Bytes that may be sent before some are read.
    room: Cell<f64>,
    is_busy: Cell<bool>,
}

/// Hands on what a stream gives, as `worker::readers` takes it, never more than a little
/// ahead of what was read.
fn hand(reader: ReadableStreamDefaultReader, port: MessagePort) {
    let pump = Rc::new(Pump {
        reader,
        port,
        room: Cell::new(AHEAD),
        is_busy: Cell::new(false),
    });
    let listening = pump.clone();
    EventListener::new(&pump.port, "message", move |message| {
        let message: &MessageEvent = message.unchecked_ref();
        let read = message.data().as_f64().unwrap_or_default();
        listening.room.set(listening.room.get() + read);
        spawn_local(listening.clone().go_on());
    })
    .forget();
    pump.port.start();
    spawn_local(pump.go_on());
}

impl Pump {
    async fn go_on(self: Rc<Self>) {
        if self.is_busy.replace(true) {
            return;
        }
        while self.room.get() > 0.0 {
            let (message, transfer) = match self.read().await {
                Ok(Some(bytes)) => {
                    self.room
                        .set(self.room.get() - f64::from(bytes.byte_length()));
                    let buffer = Array::of1(&bytes.buffer());
                    (JsValue::from(bytes), buffer)
                }
                // The last message: it stays busy.
                Ok(None) => (JsValue::NULL, Array::new()),
                Err(error) => (reason(&error), Array::new()),
            };
            let is_last = transfer.length() == 0;
            let _ = self
                .port
                .post_message_with_transferable(&message, &transfer);
            if is_last {
                return;
            }
        }
        self.is_busy.set(false);
    }

    async fn read(&self) -> Result<Option<Uint8Array>, JsValue> {
        let chunk = JsFuture::from(self.reader.read()).await?;
        let chunk: &JsValue = chunk.as_ref();
        match field(chunk, "done").is_truthy() {
            true => Ok(None),
            false => field(chunk, "value").dyn_into().map(Some),
        }
    }
}

/// Why a stream broke off, as the browser says it.
fn reason(error: &JsValue) -> JsValue {
    let message = field(error, "message");
    match message.is_string() {
        true => message,
        false => "it broke off".into(),
    }
}
