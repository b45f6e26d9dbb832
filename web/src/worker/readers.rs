//! Models that are read where they are: from a file on the disk, or as they come over the
//! net.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use gloo_events::EventListener;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, FileReaderSync, MessageEvent, MessagePort};

use crate::engine::{Failure, Reader};

/// A file, or what the browser keeps as one.
pub struct BlobReader {
    blob: Blob,
    reader: FileReaderSync,
}

impl BlobReader {
    pub fn new(blob: Blob) -> Result<Self, String> {
        let reader = FileReaderSync::new().map_err(|error| format!("{error:?}"))?;
        Ok(Self { blob, reader })
    }
}

impl Reader for BlobReader {
    fn length(&self) -> Option<u64> {
        Some(self.blob.size() as u64)
    }

    fn read(&mut self, place: Range<u64>) -> Result<Option<Vec<u8>>, Failure> {
        let [from, to] = [place.start, place.end].map(|at| (at as f64).min(self.blob.size()));
        let piece = self.blob.slice_with_f64_and_f64(from, to);
        let bytes = piece.and_then(|piece| self.reader.read_as_array_buffer(&piece));
        match bytes {
            Ok(bytes) => Ok(Some(Uint8Array::new(&bytes).to_vec())),
            Err(_) => Err(Failure {
                message: "the file can no longer be read".into(),
                hint: Some(
                    "was it moved, changed or deleted since it was chosen? Choose it again".into(),
                ),
            }),
        }
    }
}

/// A file that comes through a port in `Uint8Array`s, whose end is a null, and a text why
/// there will be no more. How many of its bytes were asked for and have come goes back: so
/// many more may follow.
pub struct PortReader {
    port: MessagePort,
    arrived: Rc<RefCell<Arrived>>,
    _listener: EventListener,
}

/// What has come, and has not been read.
#[derive(Default)]
struct Arrived {
    /// The place in the file of what is first.
    start: u64,
    bytes: VecDeque<Uint8Array>,
    count: u64,
    /// The place in the file that was told of last.
    told: u64,
    end: Option<Result<(), String>>,
}

impl PortReader {
    /// Calls `wake` with whatever comes.
    pub fn new(port: MessagePort, wake: Rc<dyn Fn()>) -> Self {
        let arrived = Rc::new(RefCell::new(Arrived::default()));
        let listener = {
            let arrived = arrived.clone();
            EventListener::new(&port, "message", move |message| {
                let message: &MessageEvent = message.unchecked_ref();
                arrived.borrow_mut().take(message.data());
                wake();
            })
        };
        port.start();
        Self {
            port,
            arrived,
            _listener: listener,
        }
    }
}

impl Arrived {
    fn take(&mut self, message: JsValue) {
        match message.dyn_into::<Uint8Array>() {
            Ok(bytes) => {
                self.count += u64::from(bytes.length());
                self.bytes.push_back(bytes);
            }
            Err(end) => self.end = Some(end.as_string().map_or(Ok(()), Err)),
        }
    }

    /// Lets go of what is before a place.
    fn drop_before(&mut self, place: u64) {
        while let Some(first) = self.bytes.front() {
            let end = self.start + u64::from(first.length());
            if end > place {
                break;
            }
            self.count -= end - self.start;
            self.start = end;
            self.bytes.pop_front();
        }
    }
}

impl Reader for PortReader {
    fn length(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, place: Range<u64>) -> Result<Option<Vec<u8>>, Failure> {
        let mut arrived = self.arrived.borrow_mut();
        arrived.drop_before(place.start);
        let end = arrived.start + arrived.count;
        let told = place.end.min(end).max(arrived.told);
        let news = told - std::mem::replace(&mut arrived.told, told);
        let _ = self.port.post_message(&(news as f64).into());
        if end < place.end {
            match &arrived.end {
                Some(Err(reason)) => {
                    return Err(Failure {
                        message: format!("the download of the model was cut short: {reason}"),
                        hint: Some("try again".into()),
                    });
                }
                Some(Ok(())) => {}
                None => return Ok(None),
            }
        }
        let mut bytes =
            Vec::with_capacity((place.end.min(end).saturating_sub(place.start)) as usize);
        let mut at = arrived.start;
        for chunk in &arrived.bytes {
            let length = u64::from(chunk.length());
            let from = place.start.clamp(at, at + length) - at;
            let to = place.end.clamp(at, at + length) - at;
            if from < to {
                let piece = chunk.subarray(from as u32, to as u32);
                bytes.extend_from_slice(&piece.to_vec());
            }
            at += length;
        }
        Ok(Some(bytes))
    }
}
