//! Entries kept on this device from one visit to the next: the browser's cache, and the
//! locks by which pages of this host know each other's entries.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, Request, Response};

/// Its name among the caches of this host.
const CACHE: &str = "clipwright-kept";

/// Why an entry was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// A page that is not served safely has no place for entries.
    NoPlace,
    /// The device has no room left for this page.
    Full,
    Refused,
}

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks`.
    type Locks;

    #[wasm_bindgen(method, catch)]
    fn request(this: &Locks, name: &str, held: &Function) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn query(this: &Locks) -> Result<Promise, JsValue>;
}

/// Keeps the parts as one entry. It is there whole or not at all.
pub async fn put(path: &str, parts: &Array) -> Result<(), NotKept> {
    let cache = cache().await.ok_or(NotKept::NoPlace)?;
    let blob = Blob::new_with_blob_sequence(parts).map_err(|_| NotKept::Refused)?;
    let response = Response::new_with_opt_blob(Some(&blob)).map_err(|_| NotKept::Refused)?;
    let url = url(path).ok_or(NotKept::NoPlace)?;
    let put: Promise = cache.put_with_str(&url, &response).unchecked_into();
    match JsFuture::from(put).await {
        Ok(_) => Ok(()),
        Err(error) => Err(match name_of(&error).as_deref() {
            Some("QuotaExceededError") => NotKept::Full,
            _ => NotKept::Refused,
        }),
    }
}

/// An entry's bytes.
pub async fn get(path: &str) -> Option<Blob> {
    let found = come(cache().await?.match_with_str(&url(path)?)).await?;
    let response: Response = found.dyn_into().ok()?;
    come(response.blob().ok()?).await?.dyn_into().ok()
}

/// The paths of all entries.
pub async fn paths() -> Vec<String> {
    let (Some(cache), Some(base)) = (cache().await, base()) else {
        return Vec::new();
    };
    let Some(keys) = come(cache.keys()).await else {
        return Vec::new();
    };
    let keys = Array::from(&keys);
    let paths = keys.iter().filter_map(|key| {
        let request: Request = key.dyn_into().ok()?;
        Some(request.url().strip_prefix(&base)?.to_string())
    });
    paths.collect()
}

/// Removes the entries whose paths begin so.
pub async fn remove(folder: &str) {
    let Some(cache) = cache().await else {
        return;
    };
    for path in paths().await {
        if let (true, Some(url)) = (path.starts_with(folder), url(&path)) {
            come(cache.delete_with_str(&url)).await;
        }
    }
}

/// Says to other pages that `name` is in use, for as long as this page lives.
pub fn hold(name: &str) {
    let Some(locks) = locks() else {
        return;
    };
    // The lock is held until this promise is kept, which it never is.
    let held = Closure::once_into_js(|| Promise::new(&mut |_, _| {}));
    let _ = locks.request(name, held.unchecked_ref());
}

/// The names that pages of this host hold.
pub async fn held() -> Vec<String> {
    let query = locks().and_then(|locks| locks.query().ok());
    let Some(query) = query else {
        return Vec::new();
    };
    let Some(held) = come(query).await.and_then(|all| field(&all, "held")) else {
        return Vec::new();
    };
    let held = Array::from(&held);
    held.iter().filter_map(|lock| name_of(&lock)).collect()
}

/// A page that is not served safely has none.
fn locks() -> Option<Locks> {
    let navigator = web_sys::window()?.navigator();
    let locks = field(&navigator, "locks")?;
    locks.is_truthy().then(|| locks.unchecked_into())
}

async fn cache() -> Option<Cache> {
    let window = web_sys::window()?;
    if !field(&window, "caches")?.is_truthy() {
        return None;
    }
    let opened = come(window.caches().ok()?.open(CACHE)).await?;
    opened.dyn_into().ok()
}

/// What a promise comes to.
pub(super) async fn come<T>(promise: Promise<T>) -> Option<JsValue> {
    let promise: Promise = promise.unchecked_into();
    JsFuture::from(promise).await.ok()
}

fn field(object: &JsValue, key: &str) -> Option<JsValue> {
    Reflect::get(object, &key.into()).ok()
}

fn name_of(object: &JsValue) -> Option<String> {
    field(object, "name")?.as_string()
}

fn url(path: &str) -> Option<String> {
    Some(base()? + path)
}

/// This host, with a slash at its end. Nothing is served at what follows.
fn base() -> Option<String> {
    Some(web_sys::window()?.location().origin().ok()? + "/")
}
