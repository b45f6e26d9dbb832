//! Downloads from the page's own place, with progress.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStreamDefaultReader, Response};

use crate::state::Problem;

/// Fetches `url`, telling `progress` the bytes received and, if known, in all.
pub async fn fetch_blob(
    url: &str,
    mut progress: impl FnMut(u64, Option<u64>),
) -> Result<Blob, Problem> {
    let response = respond(url).await?;
    let total = response.headers().get("content-length").ok().flatten();
    // A compressed transfer is longer unpacked than its header says.
    let plain = matches!(response.headers().get("content-encoding"), Ok(None));
    let total = total
        .and_then(|length| length.parse().ok())
        .filter(|_| plain);
    // The browser makes the blob, on its disk if it is large; one made of what is counted
    // here would have to fit its memory.
    let copy = response.clone().map_err(|_| cut_short(url))?;
    // Listened to from the start: where the download breaks off, both fail.
    let blob = JsFuture::from(copy.blob().map_err(|_| cut_short(url))?);
    let stream = response.body().ok_or_else(|| cut_short(url))?;
    let reader: ReadableStreamDefaultReader =
        stream.get_reader().dyn_into().map_err(|_| cut_short(url))?;
    let mut received = 0;
    loop {
        let chunk = JsFuture::from(reader.read())
            .await
            .map_err(|_| cut_short(url))?;
        let chunk: &JsValue = chunk.as_ref();
        if field(chunk, "done").is_truthy() {
            break;
        }
        let bytes: Uint8Array = field(chunk, "value")
            .dyn_into()
            .map_err(|_| cut_short(url))?;
        received += u64::from(bytes.length());
        progress(received, total);
    }
    let blob = blob.await.map_err(|_| cut_short(url))?;
    let blob: &JsValue = blob.as_ref();
    blob.clone().dyn_into().map_err(|_| cut_short(url))
}

/// Fetches a text.
pub async fn fetch_text(url: &str) -> Result<String, Problem> {
    let response = respond(url).await?;
    let text = response.text().map_err(|_| cut_short(url))?;
    let text = JsFuture::from(text).await.map_err(|_| cut_short(url))?;
    let text: &JsValue = text.as_ref();
    text.as_string().ok_or_else(|| cut_short(url))
}

async fn respond(url: &str) -> Result<Response, Problem> {
    let window = web_sys::window().ok_or_else(|| cut_short(url))?;
    let response = JsFuture::from(window.fetch_with_str(url))
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

fn cut_short(url: &str) -> Problem {
    Problem::new(format!("the download of {url} was cut short"), "try again")
}

fn field(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}
