//! Downloads the embedded model, or that of a site, each time that it is asked for; the
//! worker reads it as it comes.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::incoming::Incoming;
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
    let (name, url, told) = match &state.site {
        Some(site) => {
            let model = &site.model;
            (model.name.clone(), model.file.clone(), model.bytes)
        }
        None => (EMBEDDED_MODEL.into(), EMBEDDED_MODEL_URL.into(), 0),
    };
    use_effect_with(state.model.attempt, move |&attempt| {
        if attempt == 0 {
            return;
        }
        spawn_local(async move {
            dispatch.dispatch(match Incoming::fetch(&url).await {
                Ok(incoming) => Action::ModelArrived(StoredFile::single(
                    name,
                    incoming.bytes.unwrap_or(told),
                    sources.keep_incoming(incoming),
                )),
                Err(problem) => Action::ModelUnreachable(problem),
            });
        });
    });
}
