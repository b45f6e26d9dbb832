//! The samples as images of the map of what was learned, fetched when its tab is opened.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::fetch::fetch_blob;
use super::{Sources, sample_url};
use crate::state::{Action, LearnedTabAction, MapSample, State};

/// Brings the samples once. Those that do not come are left out: the map is worth
/// seeing without.
#[hook]
pub fn use_map_samples(state: &UseReducerHandle<State>) {
    let sources = use_context::<Sources>();
    let dispatch = state.dispatcher();
    let is_there = !state.learned_tab.samples.is_empty();
    let list = state.samples.clone().filter(|_| !is_there);
    use_effect_with(list, move |list| {
        let (Some(list), Some(sources)) = (list.clone(), sources) else {
            return;
        };
        spawn_local(async move {
            let mut brought = Vec::new();
            for (sample, listed) in list.samples.iter().enumerate() {
                if let Ok(blob) = fetch_blob(&sample_url(listed)).await {
                    brought.push(MapSample {
                        sample,
                        title: listed.title.clone(),
                        source: sources.keep(blob),
                    });
                }
            }
            if !brought.is_empty() {
                dispatch.dispatch(Action::LearnedTab(LearnedTabAction::SamplesBrought(
                    brought,
                )));
            }
        });
    });
}
