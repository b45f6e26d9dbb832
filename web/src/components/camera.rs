//! The webcam in the place of photos: what it sees, and buttons that take it.

use gloo_timers::callback::Timeout;
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{CanvasRenderingContext2d, File, HtmlCanvasElement, HtmlVideoElement};
use yew::prelude::*;

use super::button::button;
use super::problem_box::problem_box;
use crate::hooks::{blob_of, use_webcam};

/// Photos of a burst.
const BURST: usize = 10;
/// Between two photos of a burst: enough to move what is shown a little.
const PAUSE_MILLISECONDS: u32 = 250;
/// Width and height of a photo to learn from, in pixels.
const SIDE: u32 = 336;

/// What is taken with it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shots {
    /// All that is seen, to be classified.
    Whole,
    /// The middle square, one or many, of a class.
    Squares(AttrValue),
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub shots: Shots,
    pub on_photos: Callback<Vec<File>>,
    pub on_close: Callback<()>,
}

#[component]
pub fn Camera(props: &Props) -> Html {
    let video = use_node_ref();
    let problem = use_webcam(&video);
    let is_on = use_state_eq(|| false);
    let is_taking = use_state_eq(|| false);
    let taken = use_mut_ref(|| 0_u32);
    let take = |number: usize| {
        let (video, on_photos) = (video.clone(), props.on_photos.clone());
        let (shots, taken) = (props.shots.clone(), taken.clone());
        let is_taking = is_taking.setter();
        Callback::from(move |_: MouseEvent| {
            let Some(video) = video.cast::<HtmlVideoElement>() else {
                return;
            };
            *taken.borrow_mut() += 1;
            let name = match &shots {
                Shots::Whole => format!("photo {}.png", taken.borrow()),
                Shots::Squares(class) => format!("{class}, webcam.png"),
            };
            let (on_photos, shots, is_taking) =
                (on_photos.clone(), shots.clone(), is_taking.clone());
            is_taking.set(true);
            spawn_local(async move {
                for at in 0..number {
                    if at > 0 {
                        pause().await;
                    }
                    if let Some(photo) = photo(&video, &shots, &name).await {
                        on_photos.emit(vec![photo]);
                    }
                }
                is_taking.set(false);
            });
        })
    };
    let failure = problem.as_ref().map(problem_box);
    let on_close = props.on_close.reform(|_: MouseEvent| ());
    match &props.shots {
        Shots::Whole => {
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
            let is_waiting = problem.is_none() && !*is_on;
            let said = is_waiting
                .then_some("Waiting for the camera; your browser may ask whether it may be used.");
            html! {
                <div class="camera" data-testid="camera" {onkeydown}>
                    <div class="frame is-camera">
                        <video
                            ref={video.clone()} class="camera-video" muted=true autoplay=true playsinline=true {onloadeddata}
                            aria-label="What the camera sees" data-testid="camera-video"
                        />
                        <p class="camera-said" role="status">{ said }</p>
                        { failure }
                    </div>
                    <div class="image-ways">
                        { button("button", "camera-take", "Take a photo", !*is_on, take(1)) }
                        { button("quiet", "camera-close", "Close the camera", false, on_close) }
                    </div>
                </div>
            }
        }
        Shots::Squares(_) => {
            let burst = if *is_taking { "Taking…" } else { "Take 10" };
            html! {
                <div class="train-webcam" data-testid="train-webcam">
                    { failure }
                    <video
                        ref={video.clone()} class="train-video" muted=true autoplay=true playsinline=true
                        aria-label="What the webcam sees"
                    />
                    <div class="train-class-ways">
                        { button("button", "train-take", "Take a photo", *is_taking, take(1)) }
                        { button("button", "train-burst", burst, *is_taking, take(BURST)) }
                        { button("quiet", "train-webcam-close", "Close", false, on_close) }
                    </div>
                </div>
            }
        }
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

/// What is seen now: all of it in full, or its middle square.
async fn photo(video: &HtmlVideoElement, shots: &Shots, name: &str) -> Option<File> {
    let seen = [video.video_width(), video.video_height()];
    let shortest = seen[0].min(seen[1]);
    if shortest == 0 {
        return None;
    }
    // What is drawn of it, and how large.
    let (part, size) = match shots {
        Shots::Whole => (seen, seen),
        Shots::Squares(_) => ([shortest; 2], [SIDE; 2]),
    };
    let canvas = web_sys::window()?
        .document()?
        .create_element("canvas")
        .ok()?;
    let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
    canvas.set_width(size[0]);
    canvas.set_height(size[1]);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let [left, top] = [0, 1].map(|axis| f64::from(seen[axis] - part[axis]) / 2.0);
    let [[width, height], [to_width, to_height]] = [part, size].map(|size| size.map(f64::from));
    context
        .draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            video, left, top, width, height, 0.0, 0.0, to_width, to_height,
        )
        .ok()?;
    let blob = blob_of(&canvas, "image/png").await?;
    File::new_with_blob_sequence(&Array::of1(&blob), name).ok()
}
