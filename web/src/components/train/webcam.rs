//! Photos from the webcam: one at a time, or ten in a row.

use gloo_timers::callback::Timeout;
use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{CanvasRenderingContext2d, File, HtmlCanvasElement, HtmlVideoElement};
use yew::prelude::*;

use crate::components::problem_box::ProblemBox;
use crate::hooks::{blob_of, use_webcam};

/// Photos of a burst.
const BURST: usize = 10;
/// Between two photos of a burst: enough to move what is shown a little.
const PAUSE_MILLISECONDS: u32 = 250;
/// Width and height of a photo, in pixels.
const SIDE: u32 = 336;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// The class.
    pub name: AttrValue,
    pub on_photos: Callback<Vec<File>>,
    pub on_close: Callback<()>,
}

#[component]
pub fn Webcam(props: &Props) -> Html {
    let video = use_node_ref();
    let problem = use_webcam(&video);
    let is_taking = use_state_eq(|| false);
    let take = |number: usize| {
        let (video, on_photos) = (video.clone(), props.on_photos.clone());
        let (name, is_taking) = (props.name.clone(), is_taking.setter());
        Callback::from(move |_: MouseEvent| {
            let Some(video) = video.cast::<HtmlVideoElement>() else {
                return;
            };
            let (on_photos, name, is_taking) = (on_photos.clone(), name.clone(), is_taking.clone());
            is_taking.set(true);
            spawn_local(async move {
                for at in 0..number {
                    if at > 0 {
                        pause().await;
                    }
                    if let Some(photo) = photo(&video, &format!("{name}, webcam.png")).await {
                        on_photos.emit(vec![photo]);
                    }
                }
                is_taking.set(false);
            });
        })
    };
    let onclose = props.on_close.reform(|_: MouseEvent| ());
    let failure = problem.map(|problem| html! { <ProblemBox {problem} /> });
    html! {
        <div class="train-webcam" data-testid="train-webcam">
            { failure }
            <video ref={video.clone()} class="train-video" muted=true autoplay=true playsinline=true aria-label="What the webcam sees" />
            <div class="train-class-ways">
                <button class="button" type="button" data-testid="train-take" onclick={take(1)} disabled={*is_taking}>{ "Take a photo" }</button>
                <button class="button" type="button" data-testid="train-burst" onclick={take(BURST)} disabled={*is_taking}>
                    { if *is_taking { "Taking…" } else { "Take 10" } }
                </button>
                <button class="quiet" type="button" data-testid="train-webcam-close" onclick={onclose}>{ "Close" }</button>
            </div>
        </div>
    }
}

/// Between two photos of a burst.
async fn pause() {
    let over = Promise::new(&mut |over, _| {
        let wake = move || drop(over.call0(&JsValue::NULL));
        Timeout::new(PAUSE_MILLISECONDS, wake).forget();
    });
    let _ = JsFuture::from(over).await;
}

/// The middle square of what is seen now.
async fn photo(video: &HtmlVideoElement, name: &str) -> Option<File> {
    let (width, height) = (video.video_width(), video.video_height());
    let side = f64::from(width.min(height));
    if side < 1.0 {
        return None;
    }
    let canvas = web_sys::window()?
        .document()?
        .create_element("canvas")
        .ok()?;
    let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
    canvas.set_width(SIDE);
    canvas.set_height(SIDE);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let [left, top] = [width, height].map(|length| (f64::from(length) - side) / 2.0);
    let to = f64::from(SIDE);
    context
        .draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            video, left, top, side, side, 0.0, 0.0, to, to,
        )
        .ok()?;
    let blob = blob_of(&canvas, "image/png").await?;
    File::new_with_blob_sequence(&js_sys::Array::of1(&blob), name).ok()
}
