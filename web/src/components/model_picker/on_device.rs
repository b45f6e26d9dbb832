//! Models that are kept on this device.

use yew::prelude::*;

use super::{Props, act, is_open};
use crate::format::{percent, size};
use crate::hub::OnDevice;
use crate::state::{HubAction, State};

#[component]
pub fn OnDevicePart(props: &Props) -> Html {
    let state = &props.state;
    let list = match &state.hub.models {
        None => html! { <p class="help">{ "Looking…" }</p> },
        Some(models) if models.is_empty() => html! {
            <p class="help">{ "None yet. What you download is kept here and works without a network." }</p>
        },
        Some(models) => html! {
            <ul class="device-models">{ for models.iter().map(|model| row(state, model)) }</ul>
        },
    };
    let room = state
        .hub
        .free_bytes
        .map(|free| html! { <span class="model-facts">{ format!("room for {} more", size(free)) }</span> });
    html! {
        <section class="picker-part" aria-labelledby="picker-device">
            <div class="picker-head">
                <h3 class="card-title" id="picker-device">{ "On this device" }</h3>
                { room }
            </div>
            { list }
        </section>
    }
}

fn row(state: &UseReducerHandle<State>, model: &OnDevice) -> Html {
    let (record, key) = (&model.record, model.record.key());
    let name = record.repository.to_string();
    let bytes = record.plan.bytes();
    let commit = &record.commit[..7.min(record.commit.len())];
    let facts = match model.is_whole() {
        true => format!("{} · commit {commit}", size(bytes)),
        false => {
            let share = percent(model.here as f32 / bytes.max(1) as f32);
            format!(
                "{} of {}, {share} · commit {commit}",
                size(model.here),
                size(bytes)
            )
        }
    };
    let is_fetching = state
        .hub
        .fetching()
        .is_some_and(|(_, fetched)| fetched == *record);
    let is_opening = state.hub.opening.as_ref() == Some(&key);
    let is_leaving = state.hub.removing.contains(&key);
    let is_open = is_open(state, &name);
    let use_it = match model.is_whole() {
        true => html! {
            <button
                class="button" type="button" data-testid="device-open" aria-label={format!("Open {name}")}
                disabled={is_open || is_opening || is_leaving} onclick={act(state, HubAction::OpenAsked(key.clone()))}
            >
                { if is_open { "Is open" } else if is_opening { "Opening…" } else { "Open" } }
            </button>
        },
        false => html! {
            <button
                class="button" type="button" data-testid="device-continue" aria-label={format!("Continue {name}")}
                disabled={is_fetching || is_leaving} onclick={act(state, HubAction::DownloadAsked(record.clone().into()))}
            >
                { "Continue" }
            </button>
        },
    };
    html! {
        <li
            class="model-row" key={key.clone()} data-testid="device-model" data-name={name.clone()}
            data-whole={model.is_whole().to_string()}
        >
            <div class="model-what">
                <strong>{ name.clone() }</strong>
                <span class="model-facts is-numbers">{ facts }</span>
            </div>
            { use_it }
            <button
                class="button" type="button" data-testid="device-remove" aria-label={format!("Remove {name}")}
                disabled={is_leaving} onclick={act(state, HubAction::RemoveAsked(key))}
            >
                { if is_leaving { "Removing…" } else { "Remove" } }
            </button>
        </li>
    }
}
