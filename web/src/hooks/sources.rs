//! The bytes behind the state's source ids. They stay in the browser's blobs
//! (a file that was dropped is not even read) and never enter the page's own
//! memory, so a large model costs the page nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8ClampedArray};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Url};

use crate::state::{Problem, SourceId};

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
    blob: Blob,
    /// Whether the state has named it yet.
    was_named: bool,
    /// To show the blob by; freed with it.
    url: Option<String>,
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
        self.keep_with(blob, None)
    }

    /// Keeps an image and gives it a URL.
    pub fn keep_image(&self, blob: Blob) -> (SourceId, String) {
        let url = Url::create_object_url_with_blob(&blob).unwrap_or_default();
        (self.keep_with(blob, Some(url.clone())), url)
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

    fn keep_with(&self, blob: Blob, url: Option<String>) -> SourceId {
        let mut shelf = self.0.borrow_mut();
        shelf.newest += 1;
        let source = SourceId(shelf.newest);
        let kept = Kept {
            blob,
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
        shelf.kept.get(&source).map(|kept| kept.blob.clone())
    }

    /// The blobs themselves, for the worker to read.
    pub fn blobs(&self, wanted: &[SourceId]) -> Result<Vec<JsValue>, Problem> {
        let blobs = wanted.iter().map(|&source| self.blob(source));
        blobs
            .map(|blob| Ok(blob.ok_or_else(unreadable)?.into()))
            .collect()
    }

    /// A fresh copy of the bytes of each, to be handed over to the worker. What is let go
    /// of while some are being read is read all the same.
    pub async fn bytes(&self, wanted: &[SourceId]) -> Result<Vec<JsValue>, Problem> {
        let mut contents = self.blobs(wanted)?;
        for content in &mut contents {
            let bytes = JsFuture::from(content.unchecked_ref::<Blob>().array_buffer());
            *content = bytes.await.map_err(|_| unreadable())?;
        }
        Ok(contents)
    }
}

fn unreadable() -> Problem {
    let hint = "was it moved, changed or deleted since it was chosen? Choose it again";
    Problem::new("the file can no longer be read", hint)
}
