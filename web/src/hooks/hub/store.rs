//! Where models are kept on this device: the browser's cache, and this page's
//! memory for what the cache has no room for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, Request, Response};

/// Its name among the caches of this host.
const CACHE: &str = "clipwright-models";

/// The device's store; clones share it. Entries have paths.
#[derive(Clone, Default)]
pub struct Store {
    memory: Rc<RefCell<BTreeMap<String, Blob>>>,
}

impl Store {
    /// The paths of all entries.
    pub async fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.memory.borrow().keys().cloned().collect();
        if let (Some(cache), Some(base)) = (cache().await, base())
            && let Some(keys) = come(cache.keys()).await
        {
            let keys = Array::from(&keys);
            let urls = keys.iter().filter_map(|key| {
                let request: Request = key.dyn_into().ok()?;
                Some(request.url().strip_prefix(&base)?.to_string())
            });
            paths.extend(urls);
        }
        paths
    }

    /// An entry's bytes.
    pub async fn blob(&self, path: &str) -> Option<Blob> {
        let kept = self.memory.borrow().get(path).cloned();
        if kept.is_some() {
            return kept;
        }
        let response = self.response(path).await?;
        come(response.blob().ok()?).await?.dyn_into().ok()
    }

    /// An entry's text.
    pub async fn text(&self, path: &str) -> Option<String> {
        let blob = self.blob(path).await?;
        come(blob.text()).await?.as_string()
    }

    async fn response(&self, path: &str) -> Option<Response> {
        let found = come(cache().await?.match_with_str(&url(path)?)).await?;
        found.dyn_into().ok()
    }

    /// Keeps bytes; `false` if only this page's memory had room for them.
    pub async fn put(&self, path: &str, bytes: &[u8]) -> bool {
        let parts = Array::of1(&Uint8Array::from(bytes));
        let Ok(blob) = Blob::new_with_u8_array_sequence(&parts) else {
            return false;
        };
        if put(path, &blob).await.is_some() {
            return true;
        }
        self.memory.borrow_mut().insert(path.into(), blob);
        false
    }

    /// Removes the entries whose paths begin so.
    pub async fn remove(&self, folder: &str) -> bool {
        self.memory
            .borrow_mut()
            .retain(|path, _| !path.starts_with(folder));
        let Some(cache) = cache().await else {
            return true;
        };
        let mut removed = true;
        for path in self.paths().await {
            if path.starts_with(folder)
                && let Some(url) = url(&path)
            {
                removed &= come(cache.delete_with_str(&url)).await.is_some();
            }
        }
        removed
    }

    /// Bytes that the device has left for this page, if it tells.
    pub async fn free_bytes(&self) -> Option<u64> {
        let manager = web_sys::window()?.navigator().storage();
        let estimate = come(manager.estimate().ok()?).await?;
        let number = |key: &str| js_sys::Reflect::get(&estimate, &key.into()).ok()?.as_f64();
        Some((number("quota")? - number("usage")?).max(0.0) as u64)
    }
}

/// Puts an entry into the cache; nothing if there is no room, or no cache.
async fn put(path: &str, blob: &Blob) -> Option<()> {
    let response = Response::new_with_opt_blob(Some(blob)).ok()?;
    come(cache().await?.put_with_str(&url(path)?, &response)).await?;
    Some(())
}

/// A page that is not served safely has none.
async fn cache() -> Option<Cache> {
    let window = web_sys::window()?;
    let there = js_sys::Reflect::get(&window, &"caches".into()).ok()?;
    if !there.is_truthy() {
        return None;
    }
    let opened = come(window.caches().ok()?.open(CACHE)).await?;
    opened.dyn_into().ok()
}

/// What a promise comes to.
async fn come<T>(promise: Promise<T>) -> Option<JsValue> {
    let promise: Promise = promise.unchecked_into();
    JsFuture::from(promise).await.ok()
}

fn url(path: &str) -> Option<String> {
    Some(base()? + path)
}

/// This host, with a slash at its end.
fn base() -> Option<String> {
    Some(web_sys::window()?.location().origin().ok()? + "/")
}
