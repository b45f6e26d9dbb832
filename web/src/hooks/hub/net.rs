//! Requests to the Hub: they can be cancelled, and a silence ends them.

use js_sys::{Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit, Response, Url,
};

use crate::hub::{Hub, content_range, offline, refusal};
use crate::state::Problem;

/// How long nothing may come, in milliseconds.
const PATIENCE: i32 = 30_000;

/// The `meta` tag and the key of the query that name another Hub.
const META: &str = "meta[name=clipwright-hub]";
const QUERY: &str = "hub";

/// The Hub that this page asks: see [`Hub::choose`].
pub fn page_hub() -> Result<Hub, Problem> {
    let named = || {
        let window = web_sys::window()?;
        let url = Url::new(&window.location().href().ok()?).ok()?;
        let tag = || {
            let tag = window.document()?.query_selector(META).ok()??;
            tag.get_attribute("content")
        };
        let named = url.search_params().get(QUERY).or_else(tag);
        Some((url.origin(), named))
    };
    let (origin, named) = named().unwrap_or_default();
    Hub::choose(&origin, named.as_deref())
}

/// The Hub, asked for files of one repository until `signal` says stop.
#[derive(Clone)]
pub struct Net {
    pub hub: Hub,
    pub repository: String,
    pub signal: AbortSignal,
}

/// Why there is no answer.
pub enum Failure {
    /// Another try may bring more.
    Broken,
    /// The server is there and means it.
    Refused(Problem),
}

/// The answer to a request for a range.
pub struct Answer {
    response: Response,
    /// The place in the file of its first byte.
    pub from: u64,
    /// Bytes of the whole file, if they are told.
    pub file_bytes: Option<u64>,
}

impl Net {
    /// Whether the person, or the page, wants no more of it.
    pub fn is_cancelled(&self) -> bool {
        self.signal.aborted()
    }

    async fn get(&self, url: &str, range: Option<&str>) -> Result<Response, Failure> {
        let window = web_sys::window().ok_or(Failure::Broken)?;
        let init = RequestInit::new();
        init.set_signal(Some(&self.signal));
        // What is kept is kept by the page; a second copy would only take room.
        init.set_cache(RequestCache::NoStore);
        init.set_credentials(RequestCredentials::Omit);
        init.set_referrer_policy(ReferrerPolicy::NoReferrer);
        if let Some(range) = range {
            let headers = Headers::new().map_err(|_| Failure::Broken)?;
            headers.set("Range", range).map_err(|_| Failure::Broken)?;
            init.set_headers_headers(&headers);
        }
        let fetched = window.fetch_with_str_and_init(url, &init);
        let response: Response = soon(fetched.unchecked_into())
            .await?
            .dyn_into()
            .map_err(|_| Failure::Broken)?;
        match response.status() {
            200..300 => Ok(response),
            // A server in trouble may be well in a moment.
            500..600 => Err(Failure::Broken),
            status => {
                let code = header(&response, "X-Error-Code").unwrap_or_default();
                let problem = refusal(&self.hub, &self.repository, status, &code);
                Err(Failure::Refused(problem))
            }
        }
    }

    /// A whole small file.
    pub async fn text(&self, url: &str) -> Result<String, Failure> {
        let response = self.get(url, None).await?;
        let text = response.text().map_err(|_| Failure::Broken)?;
        let text = soon(text.unchecked_into()).await?;
        text.as_string().ok_or(Failure::Broken)
    }

    /// Asks for a range, `bytes=0-99`; a server may answer with the whole file.
    pub async fn range(&self, url: &str, range: &str, from: u64) -> Result<Answer, Failure> {
        let response = self.get(url, Some(range)).await?;
        let (from, file_bytes) = match response.status() {
            206 => {
                // Not every server lets a page read this header; what was asked for
                // is then what came.
                let told = header(&response, "Content-Range");
                let told = told.and_then(|header| content_range(&header));
                told.unwrap_or((from, None))
            }
            _ => {
                let length = header(&response, "Content-Length");
                let packed = header(&response, "Content-Encoding").is_some();
                (
                    0,
                    length
                        .and_then(|length| length.parse().ok())
                        .filter(|_| !packed),
                )
            }
        };
        Ok(Answer {
            response,
            from,
            file_bytes,
        })
    }

    /// The first `count` bytes of a file, or all if it has fewer; and the size of the
    /// file, if it is told.
    pub async fn head(&self, url: &str, count: u64) -> Result<(Vec<u8>, Option<u64>), Failure> {
        let range = format!("bytes=0-{}", count.saturating_sub(1));
        let answer = self.range(url, &range, 0).await?;
        let file_bytes = answer.file_bytes;
        let mut bytes = Vec::new();
        answer
            .read(async |mut piece| {
                bytes.append(&mut piece);
                bytes.len() as u64 >= count
            })
            .await?;
        bytes.truncate(count as usize);
        Ok((bytes, file_bytes))
    }

    /// What a lost connection looks like to the person.
    pub fn offline(&self) -> Problem {
        offline(&self.hub)
    }
}

impl Answer {
    /// Hands over the bytes as they come, until `take` says that it has enough.
    pub async fn read(self, mut take: impl AsyncFnMut(Vec<u8>) -> bool) -> Result<(), Failure> {
        let body = self.response.body().ok_or(Failure::Broken)?;
        let reader: ReadableStreamDefaultReader =
            body.get_reader().dyn_into().map_err(|_| Failure::Broken)?;
        let outcome = loop {
            let piece = match soon(reader.read().unchecked_into()).await {
                Ok(piece) => piece,
                Err(failure) => break Err(failure),
            };
            if field(&piece, "done").is_truthy() {
                return Ok(());
            }
            let Ok(bytes) = field(&piece, "value").dyn_into::<Uint8Array>() else {
                break Err(Failure::Broken);
            };
            if take(bytes.to_vec()).await {
                break Ok(());
            }
        };
        // The rest is not wanted; a connection that is gone cannot be told so.
        let _ = JsFuture::from(reader.cancel()).await;
        outcome
    }
}

/// What a promise comes to, unless it takes too long.
async fn soon(promise: Promise) -> Result<JsValue, Failure> {
    let either = Array::of2(&promise, &after(PATIENCE));
    let value = JsFuture::from(Promise::race(&either)).await;
    let value = value.map_err(|_| Failure::Broken)?;
    match value.is_undefined() {
        true => Err(Failure::Broken),
        false => Ok(value),
    }
}

/// A promise of nothing in so many milliseconds.
fn after(milliseconds: i32) -> Promise {
    Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            let set = window
                .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
            // Without a clock there is no patience to lose.
            let _ = set;
        }
    })
}

/// Waits.
pub async fn sleep(milliseconds: i32) {
    let _ = JsFuture::from(after(milliseconds)).await;
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).ok().flatten()
}

fn field(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}
