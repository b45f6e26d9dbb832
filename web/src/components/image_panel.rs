//! The image, and samples to try.

use web_sys::File;
use yew::prelude::*;

use super::file_input::FileInput;
use crate::hooks::sample_url;
use crate::state::{Sample, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub on_files: Callback<Vec<File>>,
    pub on_sample: Callback<usize>,
}

#[component]
pub fn ImagePanel(props: &Props) -> Html {
    let state = &props.state;
    let picture = match &state.image {
        Some(image) => {
            html! { <img class="picture" src={image.url.clone()} alt={image.title.clone()} /> }
        }
        None => html! { <span class="picture is-empty" /> },
    };
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
    html! {
        <section class="card image-card" aria-labelledby="image-title">
            <h2 class="card-title" id="image-title">{ "Image" }</h2>
            <label class="frame" data-testid="drop-zone">
                { picture }
                <span class="frame-hint"><span class="on-wide">{ "Drop, paste or " }</span>{ "choose an image" }</span>
                <FileInput
                    testid="image-input" label="Choose an image" accept="image/*"
                    on_files={props.on_files.clone()}
                />
            </label>
            <div class="samples-area">
                <p class="image-name" title={title.clone()}>{ title }</p>
                <ul class="samples" aria-label="Samples">{ for samples }</ul>
            </div>
        </section>
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
