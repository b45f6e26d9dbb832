//! The class names of known data sets, fetched when one is chosen.

use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::format::count;
use crate::hooks::fetch_text;
use crate::presets::{PRESETS, Preset};
use crate::state::{Action, Problem, State, WordsAction};

/// What the samples' own classes are called among the presets.
const SAMPLES: &str = "samples";

pub fn preset_menu(state: &UseReducerHandle<State>) -> Html {
    let samples = state
        .samples
        .as_ref()
        .filter(|list| !list.classes.is_empty());
    let onchange = {
        let (dispatch, samples) = (state.dispatcher(), samples.cloned());
        Callback::from(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            let key = select.value();
            select.set_value("");
            if let Some(samples) = samples.as_ref().filter(|_| key == SAMPLES) {
                dispatch.dispatch(Action::Words(WordsAction::PresetChosen {
                    class_names: samples.classes.clone(),
                    template: samples.template.clone(),
                }));
            }
            if let Some(preset) = Preset::find(&key) {
                let dispatch = dispatch.clone();
                spawn_local(async move {
                    dispatch.dispatch(match fetched(preset).await {
                        Ok(chosen) => Action::Words(chosen),
                        Err(problem) => Action::FileRefused(problem),
                    });
                });
            }
        })
    };
    let option = |key: &'static str, title: &str, classes: usize| {
        let label = format!("{title}: {}", count(classes, "class", "classes"));
        html! { <option value={key}>{ label }</option> }
    };
    let samples = samples.map(|list| option(SAMPLES, "The samples", list.classes.len()));
    let presets = PRESETS.iter();
    let presets = presets.map(|preset| option(preset.key, preset.title, preset.classes));
    html! {
        <select
            class="preset-menu" data-testid="class-preset" aria-label="Class names of a known data set" {onchange}
        >
            <option value="" selected=true>{ "Classes of a data set…" }</option>
            { samples }
            { for presets }
        </select>
    }
}

async fn fetched(preset: &Preset) -> Result<WordsAction, Problem> {
    let text = fetch_text(&preset.url()).await?;
    let (class_names, template) = preset.read(&text)?;
    Ok(WordsAction::PresetChosen {
        class_names,
        template,
    })
}
