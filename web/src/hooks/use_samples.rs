//! The samples: listed at the start, with the first one as the first image.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::fetch::{fetch_blob, fetch_text};
use super::{Sources, announced_site};
use crate::state::{Action, Image, Problem, Sample, SampleList, State};

/// Where a sample is.
pub fn sample_url(sample: &Sample) -> String {
    format!("samples/{}", sample.file)
}

/// Lists the samples once. The callback chooses one by its place.
#[hook]
pub fn use_samples(state: &UseReducerHandle<State>, sources: &Sources) -> Callback<usize> {
    let dispatch = state.dispatcher();
    {
        let (dispatch, sources) = (dispatch.clone(), sources.clone());
        use_effect_with((), move |()| {
            // A site has none.
            if announced_site().is_some() {
                return;
            }
            spawn_local(async move {
                let (list, first) = match open(&sources).await {
                    Ok(opened) => opened,
                    Err(problem) => return dispatch.dispatch(Action::SamplesMissing(problem)),
                };
                dispatch.dispatch(Action::SamplesListed(list));
                if let Some(image) = first {
                    dispatch.dispatch(Action::FirstImage(image));
                }
            });
        });
    }
    let (samples, sources) = (state.samples.clone(), sources.clone());
    Callback::from(move |index: usize| {
        let samples = samples.as_ref();
        let Some(sample) = samples.and_then(|list| list.samples.get(index)).cloned() else {
            return;
        };
        let (dispatch, sources) = (dispatch.clone(), sources.clone());
        spawn_local(async move {
            dispatch.dispatch(match image(&sample, index, &sources).await {
                Ok(image) => Action::ImageChosen(image),
                Err(problem) => Action::FileRefused(problem),
            });
        });
    })
}

/// The list and its first image, together: no state between the two is shown.
async fn open(sources: &Sources) -> Result<(SampleList, Option<Image>), Problem> {
    let list = list().await?;
    let first = match list.samples.first() {
        Some(sample) => Some(image(sample, 0, sources).await?),
        None => None,
    };
    Ok((list, first))
}

async fn list() -> Result<SampleList, Problem> {
    let json = fetch_text("samples/samples.json").await?;
    serde_json::from_str(&json).map_err(|error| {
        let message = format!("samples/samples.json is not as expected: {error}");
        Problem::new(message, "build the page again with its samples in place")
    })
}

async fn image(sample: &Sample, index: usize, sources: &Sources) -> Result<Image, Problem> {
    let blob = fetch_blob(&sample_url(sample)).await?;
    let (source, url) = sources.keep_image(blob);
    Ok(Image {
        source,
        url,
        title: sample.title.clone(),
        sample: Some(index),
    })
}
