//! A page of somebody's own classifier: its files are named by `site.json`, which
//! `index.html` announces.

use clipwright_shared::protocol::{SITE_META, SiteInfo};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::Sources;
use super::fetch::{fetch_blob, fetch_text};
use crate::state::{Action, Problem, State, StoredFile};

/// The address of `site.json`, if this page is a site.
pub fn announced_site() -> Option<String> {
    let document = web_sys::window()?.document()?;
    let selector = format!("meta[name={SITE_META}]");
    let meta = document.query_selector(&selector).ok().flatten()?;
    meta.get_attribute("content")
}

/// Opens the site once, if this page is one: what was learned first, which is small, then
/// the model.
#[hook]
pub fn use_site(state: &UseReducerHandle<State>, sources: &Sources) {
    let (dispatch, sources) = (state.dispatcher(), sources.clone());
    use_effect_with((), move |()| {
        let Some(address) = announced_site() else {
            return;
        };
        spawn_local(async move {
            let site = match read(&address).await {
                Ok(site) => site,
                Err(problem) => return dispatch.dispatch(Action::SamplesMissing(problem)),
            };
            for learned in &site.learned {
                dispatch.dispatch(match fetch_blob(&learned.file).await {
                    Ok(blob) => Action::LearnedArrived(StoredFile::single(
                        learned.name.clone(),
                        blob.size() as u64,
                        sources.keep(blob),
                    )),
                    Err(problem) => Action::FileRefused(problem),
                });
            }
            let name = site.model.name.clone();
            dispatch.dispatch(Action::SiteOpened(site));
            dispatch.dispatch(Action::ModelRequested { name });
        });
    });
}

async fn read(address: &str) -> Result<SiteInfo, Problem> {
    let json = fetch_text(address).await?;
    serde_json::from_str(&json).map_err(|error| {
        let message = format!("{address} is not as expected: {error}");
        Problem::new(message, "write the folder again with `clipwright site`")
    })
}
