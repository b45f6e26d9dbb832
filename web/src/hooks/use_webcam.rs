//! The webcam, for as long as its video is on the page.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{HtmlVideoElement, MediaStream, MediaStreamConstraints, MediaStreamTrack};
use yew::prelude::*;

use crate::state::Problem;

/// Shows the webcam in `video`; why it cannot be shown.
#[hook]
pub fn use_webcam(video: &NodeRef) -> Option<Problem> {
    let problem = use_state_eq(|| None::<Problem>);
    let (video, setter) = (video.clone(), problem.setter());
    use_effect_with((), move |()| {
        let stream = std::rc::Rc::new(std::cell::RefCell::new(Stream::Asked));
        let asked = stream.clone();
        spawn_local(async move {
            match open().await {
                Ok(opened) => {
                    let is_closed = matches!(*asked.borrow(), Stream::Closed);
                    if is_closed {
                        return stop(&opened);
                    }
                    if let Some(video) = video.cast::<HtmlVideoElement>() {
                        video.set_src_object(Some(&opened));
                    }
                    *asked.borrow_mut() = Stream::Open(opened);
                }
                Err(error) => setter.set(Some(problem_of(&error))),
            }
        });
        move || {
            if let Stream::Open(open) = stream.replace(Stream::Closed) {
                stop(&open);
            }
        }
    });
    (*problem).clone()
}

enum Stream {
    Asked,
    Open(MediaStream),
    /// A stream that opens now comes too late.
    Closed,
}

async fn open() -> Result<MediaStream, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let devices = window.navigator().media_devices()?;
    let wanted = MediaStreamConstraints::new();
    wanted.set_video(&JsValue::TRUE);
    let stream: js_sys::Promise = devices
        .get_user_media_with_constraints(&wanted)?
        .unchecked_into();
    JsFuture::from(stream).await?.dyn_into()
}

fn stop(stream: &MediaStream) {
    for track in stream.get_tracks().iter() {
        let track: MediaStreamTrack = track.unchecked_into();
        track.stop();
    }
}

fn problem_of(error: &JsValue) -> Problem {
    let name = js_sys::Reflect::get(error, &"name".into()).ok();
    match name.and_then(|name| name.as_string()).as_deref() {
        Some("NotAllowedError") => Problem::new(
            "the webcam may not be used",
            "allow it in the browser's address bar, then open it again",
        ),
        Some("NotFoundError") => Problem::new(
            "there is no webcam",
            "connect one, or choose photos instead",
        ),
        _ => Problem::new(
            "the webcam could not be opened",
            "close other programs that use it, or choose photos instead",
        ),
    }
}
