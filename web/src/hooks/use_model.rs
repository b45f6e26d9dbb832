//! Downloads the embedded model, or that of a site, each time that it is asked for.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::fetch::fetch_blob;
use super::{Sources, announced_site};
use crate::state::{Action, State, StoredFile};

/// The name of the model that comes with the page.
pub const EMBEDDED_MODEL: &str = "tiny";
const EMBEDDED_MODEL_URL: &str = "model/tiny.safetensors";

/// Asks for the embedded model once, and fetches it with each asking.
#[hook]
pub fn use_model(state: &UseReducerHandle<State>, sources: &Sources) {
    let dispatch = state.dispatcher();
    {
        let dispatch = dispatch.clone();
        use_effect_with((), move |()| {
            // A site asks for its own, once it knows which.
            if announced_site().is_none() {
                dispatch.dispatch(Action::ModelRequested {
                    name: EMBEDDED_MODEL.into(),
                });
            }
        });
    }
    let sources = sources.clone();
    let (name, url) = match &state.site {
        Some(site) => (site.model.name.clone(), site.model.file.clone()),
        None => (EMBEDDED_MODEL.into(), EMBEDDED_MODEL_URL.into()),
    };
    use_effect_with(state.model.attempt, move |&attempt| {
        if attempt == 0 {
            return;
        }
        spawn_local(async move {
            let progress = |received, total| {
                dispatch.dispatch(Action::ModelArriving { received, total });
            };
            dispatch.dispatch(match fetch_blob(&url, progress).await {
                Ok(blob) => Action::ModelArrived(StoredFile::single(
                    name,
                    blob.size() as u64,
                    sources.keep(blob),
                )),
                Err(problem) => Action::ModelUnreachable(problem),
            });
        });
    });
}
