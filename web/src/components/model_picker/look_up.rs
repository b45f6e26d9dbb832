//! A repository of the Hub: its name, and what it holds.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::act;
use crate::components::problem_box::problem_box;
use crate::components::text::help;
use crate::format::size;
use crate::hub::Record;
use crate::state::{Action, HubAction, LookUp, State};

/// Repositories to begin with: name, what it is, and its size on the Hub.
const SUGGESTIONS: [(&str, &str); 5] = [
    (
        "wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M",
        "TinyCLIP 8M/16, about 94 MB",
    ),
    (
        "openai/clip-vit-base-patch32",
        "OpenAI ViT-B/32, about 605 MB",
    ),
    (
        "openai/clip-vit-base-patch16",
        "OpenAI ViT-B/16, about 599 MB",
    ),
    (
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "LAION-2B ViT-B/32, about 605 MB",
    ),
    (
        "openai/clip-vit-large-patch14",
        "OpenAI ViT-L/14, about 1.7 GB",
    ),
];

/// Above so many bytes a page may have too little memory for a model: it has 4 GB,
/// and for a moment holds the file and the weights.
const LARGE: u64 = 1_200_000_000;

pub fn look_up_part(state: &UseReducerHandle<State>) -> Html {
    let oninput = {
        let dispatch = state.dispatcher();
        Callback::from(move |event: InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            dispatch.dispatch(Action::Hub(HubAction::Typed(input.value())));
        })
    };
    let onsubmit = {
        let dispatch = state.dispatcher();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            dispatch.dispatch(Action::Hub(HubAction::LookUpAsked));
        })
    };
    let is_asking = state.hub.asking().is_some();
    let is_wrong = matches!(state.hub.look_up, LookUp::Refused(_));
    html! {
        <section class="picker-part" aria-labelledby="picker-hub">
            <h3 class="card-title" id="picker-hub">{ "From the Hugging Face Hub" }</h3>
            <form class="field" {onsubmit}>
                <input
                    class="text-input" type="text" data-testid="hub-input"
                    aria-label="Repository on the Hub: owner/name, owner/name@revision, or its address"
                    placeholder="owner/name, or an address" spellcheck="false" autocapitalize="none"
                    autocomplete="off" aria-invalid={is_wrong.to_string()} aria-describedby="hub-found"
                    value={state.hub.typed.clone()} {oninput}
                />
                <button class="button" type="submit" data-testid="hub-look-up" disabled={is_asking}>
                    { "Look up" }
                </button>
            </form>
            <ul class="suggestions" aria-label="Repositories to begin with">
                { for SUGGESTIONS.iter().map(|(name, what)| suggestion(state, name, what)) }
            </ul>
            <div class="hub-found" id="hub-found" aria-live="polite">{ outcome(state) }</div>
        </section>
    }
}

fn suggestion(state: &UseReducerHandle<State>, name: &str, what: &str) -> Html {
    html! {
        <li>
            <button
                class="tool" type="button" data-testid="hub-suggestion" title={name.to_string()}
                onclick={act(state, HubAction::Suggested(name.into()))}
            >
                { what }
            </button>
        </li>
    }
}

fn outcome(state: &UseReducerHandle<State>) -> Html {
    match &state.hub.look_up {
        LookUp::Idle => Html::default(),
        LookUp::Asking { repository, .. } => help(format!("Looking up {repository}…")),
        LookUp::Refused(problem) => problem_box(problem),
        LookUp::Found(record) => found(state, record),
    }
}

/// What would be fetched, before it is.
fn found(state: &UseReducerHandle<State>, record: &Record) -> Html {
    let plan = &record.plan;
    let here = state.hub.model(&record.key()).map_or(0, |model| model.here);
    let missing = plan.bytes().saturating_sub(here);
    let files = plan.parts.iter().map(|part| part.file.clone());
    let beside = record.configurations().iter().map(|(name, _)| name.clone());
    let files: Vec<String> = files.chain(beside).collect();
    let is_running = state
        .hub
        .fetching()
        .is_some_and(|(_, fetched)| fetched == *record);
    let (label, action) = match missing {
        0 => ("Open", HubAction::OpenAsked(record.key())),
        _ if here > 0 => ("Continue", HubAction::DownloadAsked(record.clone().into())),
        _ => ("Download", HubAction::DownloadAsked(record.clone().into())),
    };
    html! {
        <div class="model-row" data-testid="hub-found" data-bytes={plan.bytes().to_string()}>
            <div class="model-what">
                <strong>{ record.repository.to_string() }</strong>
                <span class="model-facts">
                    { format!("{} to download", size(missing)) }
                    { left_out(record) }
                    { format!(" · {} · commit {}", files.join(", "), &record.commit[..7.min(record.commit.len())]) }
                </span>
                { for warnings(state, missing, plan.bytes()) }
            </div>
            <button
                class="button is-main" type="button" data-testid="hub-download" disabled={is_running}
                aria-label={format!("{label} {}", record.repository)} onclick={act(state, action)}
            >
                { label }
            </button>
        </div>
    }
}

/// How much of the files is not needed, where that is worth a word.
fn left_out(record: &Record) -> Option<String> {
    let plan = &record.plan;
    let left_out = plan.file_bytes().saturating_sub(plan.bytes());
    let worth = left_out > plan.bytes() / 100;
    worth.then(|| format!(" of {}", size(plan.file_bytes())))
}

fn warnings(state: &State, missing: u64, bytes: u64) -> Vec<Html> {
    let room = state.hub.free_bytes.filter(|&free| free < missing);
    let room = room.map(|free| {
        format!(
            "This device has {} left for this page: the model can be used, but not be kept.",
            size(free)
        )
    });
    let memory = (bytes > LARGE)
        .then(|| "This is large for a page: opening it may fail for lack of memory.".to_string());
    let lines = room.into_iter().chain(memory);
    lines
        .map(|line| html! { <span class="help is-wrong">{ line }</span> })
        .collect()
}
