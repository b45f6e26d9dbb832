//! The image: dropped, pasted, chosen, photographed, or one of the samples.

use web_sys::File;
use yew::prelude::*;

use super::button::button;
use super::camera::{Camera, Shots};
use super::file_input::{Takes, file_input};
use super::text::span;
use crate::hooks::sample_url;
use crate::state::{Image, Sample, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub on_files: Callback<Vec<File>>,
    pub on_sample: Callback<usize>,
}

#[component]
pub fn ImagePanel(props: &Props) -> Html {
    let state = &props.state;
    let is_filming = use_state_eq(|| false);
    let title = state
        .image
        .as_ref()
        .map(|image| image.title.clone())
        .unwrap_or_default();
    let samples = state.samples.as_ref().map_or(&[][..], |list| &list.samples);
    let chosen = state.image.as_ref().and_then(|image| image.sample);
    let samples = samples.iter().enumerate();
    let samples = samples.map(|(index, sample)| {
        sample_button(index, sample, chosen == Some(index), &props.on_sample)
    });
    let film = |filming: bool| {
        let is_filming = is_filming.setter();
        Callback::from(move |()| is_filming.set(filming))
    };
    let content = match *is_filming {
        true => html! {
            <Camera shots={Shots::Whole} on_photos={&props.on_files} on_close={film(false)} />
        },
        false => html! {
            <>
                <label class="frame" data-testid="drop-zone">
                    { picture(state.image.as_ref()) }
                    <span class="frame-hint">{ span("on-wide", "Drop, paste or ") }{ "choose images" }</span>
                    { file_input(Takes::Images, "image-input", "Choose an image, or many", &props.on_files) }
                </label>
                <div class="image-ways">
                    { button("button", "camera-open", "Camera", false, film(true).reform(|_: MouseEvent| ())) }
                    <label class="button" title="All images in a folder; its sub-folders name their classes">
                        { "Folder" }
                        { file_input(Takes::Folder, "folder-input", "Choose a folder of images", &props.on_files) }
                    </label>
                </div>
            </>
        },
    };
    html! {
        <section class="card image-card" aria-labelledby="image-title">
            <h2 class="card-title" id="image-title">{ "Image" }</h2>
            <div class="image-place">{ content }</div>
            <div class="samples-area">
                { filmed(state.image.as_ref().filter(|_| *is_filming)) }
                <p class="image-name" title={title.clone()}>{ title }</p>
                <ul class="samples" aria-label="Samples">{ for samples }</ul>
            </div>
        </section>
    }
}

fn picture(image: Option<&Image>) -> Html {
    match image {
        Some(image) => {
            html! { <img class="picture" src={image.url.clone()} alt={image.title.clone()} data-testid="picture" /> }
        }
        None => html! { <span class="picture is-empty" /> },
    }
}

/// The image that is being asked about, small, while the camera has its place.
fn filmed(image: Option<&Image>) -> Html {
    match image {
        Some(image) => html! {
            <img class="filmed" src={image.url.clone()} alt={format!("In question: {}", image.title)} data-testid="picture" />
        },
        None => Html::default(),
    }
}

fn sample_button(index: usize, sample: &Sample, chosen: bool, on_sample: &Callback<usize>) -> Html {
    let onclick = on_sample.reform(move |_: MouseEvent| index);
    html! {
        <li key={sample.file.clone()}>
            <button
                class="sample" type="button" data-testid="sample" {onclick}
                aria-pressed={chosen.to_string()} title={sample.title.clone()}
            >
                <img src={sample_url(sample)} alt={sample.title.clone()} width="44" height="44" />
            </button>
        </li>
    }
}
