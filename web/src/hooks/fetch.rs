//! Files from the page's own place.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, RequestInit, Response};

use crate::state::Problem;

/// Fetches a small file.
pub async fn fetch_blob(url: &str) -> Result<Blob, Problem> {
    let response = respond(url, None).await?;
    let blob = response.blob().map_err(|_| cut_short(url))?;
    let blob = JsFuture::from(blob).await.map_err(|_| cut_short(url))?;
    let blob: &JsValue = blob.as_ref();
    blob.clone().dyn_into().map_err(|_| cut_short(url))
}

/// Fetches a text.
pub async fn fetch_text(url: &str) -> Result<String, Problem> {
    let response = respond(url, None).await?;
    let text = response.text().map_err(|_| cut_short(url))?;
    let text = JsFuture::from(text).await.map_err(|_| cut_short(url))?;
    let text: &JsValue = text.as_ref();
    text.as_string().ok_or_else(|| cut_short(url))
}

/// Asks for `url`, until `signal` says stop; the answer begins.
pub(super) async fn respond(url: &str, signal: Option<&AbortSignal>) -> Result<Response, Problem> {
    let window = web_sys::window().ok_or_else(|| cut_short(url))?;
    let init = RequestInit::new();
    init.set_signal(signal);
    let response = JsFuture::from(window.fetch_with_str_and_init(url, &init))
        .await
        .map_err(|_| {
            let message = format!("{url} could not be fetched: no connection");
            Problem::new(
                message,
                "check that the page's server is still running, then try again",
            )
        })?;
    let response: Response = response.dyn_into().map_err(|_| cut_short(url))?;
    if !response.ok() {
        let message = format!(
            "{url} could not be fetched: the server answered {}",
            response.status()
        );
        return Err(Problem::new(
            message,
            "build the page again with its files in place",
        ));
    }
    Ok(response)
}

pub(super) fn cut_short(url: &str) -> Problem {
    Problem::new(format!("the download of {url} was cut short"), "try again")
}

pub(super) fn field(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}
