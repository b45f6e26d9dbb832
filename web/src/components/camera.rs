//! The webcam in the image's place: what it sees, and a button that takes it.

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{CanvasRenderingContext2d, File, HtmlCanvasElement, HtmlVideoElement};
use yew::prelude::*;

use super::problem_box::ProblemBox;
use crate::hooks::{blob_of, use_webcam};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub on_photo: Callback<File>,
    pub on_close: Callback<()>,
}

#[component]
pub fn Camera(props: &Props) -> Html {
    let video = use_node_ref();
    let problem = use_webcam(&video);
    let is_on = use_state_eq(|| false);
    let taken = use_mut_ref(|| 0_u32);
    let take = {
        let (video, on_photo) = (video.clone(), props.on_photo.clone());
        Callback::from(move |_: MouseEvent| {
            let Some(video) = video.cast::<HtmlVideoElement>() else {
                return;
            };
            *taken.borrow_mut() += 1;
            let name = format!("photo {}.png", taken.borrow());
            let on_photo = on_photo.clone();
            spawn_local(async move {
                if let Some(photo) = photo(&video, &name).await {
                    on_photo.emit(photo);
                }
            });
        })
    };
    let onloadeddata = {
        let is_on = is_on.setter();
        Callback::from(move |_: Event| is_on.set(true))
    };
    let onkeydown = {
        let on_close = props.on_close.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                on_close.emit(());
            }
        })
    };
    let said = match (&problem, *is_on) {
        (Some(_), _) => "",
        (None, false) => "Waiting for the camera; your browser may ask whether it may be used.",
        (None, true) => "",
    };
    let failure = problem
        .clone()
        .map(|problem| html! { <ProblemBox {problem} /> });
    html! {
        <div class="camera" data-testid="camera" {onkeydown}>
            <div class="frame is-camera">
                <video
                    ref={video} class="camera-video" muted=true autoplay=true playsinline=true {onloadeddata}
                    aria-label="What the camera sees" data-testid="camera-video"
                />
                <p class="camera-said" role="status">{ said }</p>
                { failure }
            </div>
            <div class="image-ways">
                <button
                    class="button" type="button" data-testid="camera-take" onclick={take}
                    disabled={!*is_on}
                >
                    { "Take a photo" }
                </button>
                <button
                    class="quiet" type="button" data-testid="camera-close"
                    onclick={props.on_close.reform(|_: MouseEvent| ())}
                >
                    { "Close the camera" }
                </button>
            </div>
        </div>
    }
}

/// What is seen now, in full.
async fn photo(video: &HtmlVideoElement, name: &str) -> Option<File> {
    let (width, height) = (video.video_width(), video.video_height());
    let canvas = web_sys::window()?
        .document()?
        .create_element("canvas")
        .ok()?;
    let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    context
        .draw_image_with_html_video_element(video, 0.0, 0.0)
        .ok()?;
    let blob = blob_of(&canvas, "image/png").await?;
    File::new_with_blob_sequence(&Array::of1(&blob), name).ok()
}
