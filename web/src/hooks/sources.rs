//! The bytes behind the state's source ids. They stay in the browser's blobs
//! (a file that was dropped is not even read), or pass by on their way from the net to the
//! worker, so a large model costs the page nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8ClampedArray};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Url};

use super::incoming::Incoming;
use crate::envelope::Enclosed;
use crate::state::{FilePart, Problem, SourceId};

/// A shelf of blobs; clones share it.
#[derive(Clone, Default)]
pub struct Sources(Rc<RefCell<Shelf>>);

#[derive(Default)]
struct Shelf {
    newest: u32,
    kept: BTreeMap<SourceId, Kept>,
    pixels: BTreeMap<SourceId, Uint8ClampedArray>,
}

struct Kept {
    content: Content,
    /// Whether the state has named it yet.
    was_named: bool,
    /// To show the blob by; freed with it.
    url: Option<String>,
}

enum Content {
    Blob(Blob),
    /// A model that comes from the page's own place.
    Incoming(Incoming),
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(url) = &self.url {
            let _ = Url::revoke_object_url(url);
        }
    }
}

impl PartialEq for Sources {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Sources {
    /// Keeps a blob.
    pub fn keep(&self, blob: Blob) -> SourceId {
        self.keep_with(Content::Blob(blob), None)
    }

    /// Keeps a download for the worker; once nobody names it, it ends.
    pub fn keep_incoming(&self, incoming: Incoming) -> SourceId {
        self.keep_with(Content::Incoming(incoming), None)
    }

    /// Keeps an image and gives it a URL.
    pub fn keep_image(&self, blob: Blob) -> (SourceId, String) {
        let url = Url::create_object_url_with_blob(&blob).unwrap_or_default();
        (self.keep_with(Content::Blob(blob), Some(url.clone())), url)
    }

    /// Keeps pixels that came from the worker.
    pub fn keep_pixels(&self, pixels: &ArrayBuffer) -> SourceId {
        let mut shelf = self.0.borrow_mut();
        shelf.newest += 1;
        let source = SourceId(shelf.newest);
        shelf.pixels.insert(source, Uint8ClampedArray::new(pixels));
        source
    }

    /// Pixels as RGBA; none if they have been let go of.
    pub fn pixels(&self, source: SourceId) -> Option<Uint8ClampedArray> {
        self.0.borrow().pixels.get(&source).cloned()
    }

    fn keep_with(&self, content: Content, url: Option<String>) -> SourceId {
        let mut shelf = self.0.borrow_mut();
        shelf.newest += 1;
        let source = SourceId(shelf.newest);
        let kept = Kept {
            content,
            was_named: false,
            url,
        };
        shelf.kept.insert(source, kept);
        source
    }

    /// Lets go of what the state no longer names. A blob that it has not named yet is
    /// on its way there, and stays, however long that takes. Pixels are named at once or
    /// never (their question was overtaken), so only the newest are waited for.
    pub fn retain(&self, live: &[SourceId]) {
        let mut shelf = self.0.borrow_mut();
        shelf.kept.retain(|source, kept| {
            let is_named = live.contains(source);
            let stays = is_named || !kept.was_named;
            kept.was_named |= is_named;
            stays
        });
        if let Some(newest) = live.iter().max() {
            shelf
                .pixels
                .retain(|source, _| source > newest || live.contains(source));
        }
    }

    /// A file; none if it has been let go of.
    pub fn blob(&self, source: SourceId) -> Option<Blob> {
        let shelf = self.0.borrow();
        match &shelf.kept.get(&source)?.content {
            Content::Blob(blob) => Some(blob.clone()),
            Content::Incoming(_) => None,
        }
    }

    /// The parts of a model, for the worker to read bit by bit: blobs, and what comes from
    /// the page's own place, once more if it was read before.
    pub async fn model(&self, parts: &[FilePart]) -> Result<Vec<Enclosed>, Problem> {
        let mut files = Vec::with_capacity(parts.len());
        for FilePart { name, source } in parts {
            let here = self.with(*source, |content| match content {
                Content::Blob(blob) => Ok(Enclosed::new(name, blob.clone())),
                Content::Incoming(incoming) => {
                    let file = incoming.enclosed(name);
                    file.ok_or_else(|| incoming.address().to_string())
                }
            });
            let file = match here.ok_or_else(unreadable)? {
                Ok(file) => file,
                Err(address) => {
                    let mut again = Incoming::fetch(&address).await?;
                    let file = again.enclosed(name).ok_or_else(unreadable)?;
                    self.with(*source, |content| *content = Content::Incoming(again));
                    file
                }
            };
            files.push(file);
        }
        Ok(files)
    }

    fn with<T>(&self, source: SourceId, then: impl FnOnce(&mut Content) -> T) -> Option<T> {
        let mut shelf = self.0.borrow_mut();
        let kept = shelf.kept.get_mut(&source)?;
        Some(then(&mut kept.content))
    }

    /// A fresh copy of the bytes of each, to be handed over to the worker. What is let go
    /// of while some are being read is read all the same.
    pub async fn bytes(&self, parts: &[FilePart]) -> Result<Vec<Enclosed>, Problem> {
        let blobs = parts.iter().map(|part| self.blob(part.source));
        let blobs: Option<Vec<Blob>> = blobs.collect();
        let mut files = Vec::with_capacity(parts.len());
        for (part, blob) in parts.iter().zip(blobs.ok_or_else(unreadable)?) {
            let bytes = JsFuture::from(blob.array_buffer()).await;
            let bytes = bytes.map_err(|_| unreadable())?;
            files.push(Enclosed::new(&part.name, bytes));
        }
        Ok(files)
    }
}

fn unreadable() -> Problem {
    let hint = "was it moved, changed or deleted since it was chosen? Choose it again";
    Problem::new("the file can no longer be read", hint)
}
