//! One square of pixels that the worker made, drawn on a canvas: the page's security
//! policy needs no exception for it, and nothing is encoded.

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};
use yew::prelude::*;

use crate::hooks::Sources;
use crate::state::SourceId;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where the pixels are: squares one after another, RGBA.
    pub pixels: SourceId,
    /// Which square.
    pub index: usize,
    /// Width and height of a square, in pixels.
    pub side: u32,
    /// What it shows, for those who cannot see it; empty for decoration.
    #[prop_or_default]
    pub label: AttrValue,
}

#[component]
pub fn Raster(props: &Props) -> Html {
    let canvas = use_node_ref();
    let sources = use_context::<Sources>();
    {
        let canvas = canvas.clone();
        let place = (props.pixels, props.index, props.side);
        use_effect_with(place, move |&(pixels, index, side)| {
            let square = sources.and_then(|sources| sources.pixels(pixels));
            let canvas = canvas.cast::<HtmlCanvasElement>();
            if let (Some(square), Some(canvas)) = (square, canvas) {
                let bytes = side * side * 4;
                let first = index as u32 * bytes;
                let square = square.subarray(first, first + bytes).to_vec();
                draw(&canvas, &square, side);
            }
        });
    }
    let side = props.side.to_string();
    let hidden = props.label.is_empty().then_some("true");
    html! {
        <canvas
            ref={canvas} class="raster" width={side.clone()} height={side} role="img"
            aria-label={props.label.clone()} aria-hidden={hidden}
        />
    }
}

fn draw(canvas: &HtmlCanvasElement, square: &[u8], side: u32) {
    let image = ImageData::new_with_u8_clamped_array(Clamped(square), side);
    let context = canvas.get_context("2d").ok().flatten();
    let context = context.and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok());
    if let (Ok(image), Some(context)) = (image, context) {
        let _ = context.put_image_data(&image, 0.0, 0.0);
    }
}
