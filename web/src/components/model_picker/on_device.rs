//! Models that are kept on this device.

use yew::prelude::*;

use super::{act, is_open};
use crate::components::text::{help, span};
use crate::format::{percent, size};
use crate::hub::OnDevice;
use crate::state::{HubAction, State};

pub fn on_device_part(state: &UseReducerHandle<State>) -> Html {
    let list = match &state.hub.models {
        None => help("Looking…"),
        Some(models) if models.is_empty() => {
            help("None yet. What you download is kept here and works without a network.")
        }
        Some(models) => html! {
            <ul class="device-models">{ for models.iter().map(|model| row(state, model)) }</ul>
        },
    };
    let room = state
        .hub
        .free_bytes
        .map(|free| span("model-facts", format!("room for {} more", size(free))));
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
        true => {
            let says = match (is_open, is_opening) {
                (true, _) => "Is open",
                (false, true) => "Opening…",
                (false, false) => "Open",
            };
            let is_disabled = is_open || is_opening || is_leaving;
            let open = act(state, HubAction::OpenAsked(key.clone()));
            way(
                "device-open",
                says,
                format!("Open {name}"),
                is_disabled,
                open,
            )
        }
        false => {
            let go_on = HubAction::DownloadAsked(record.clone().into());
            let (is_disabled, go_on) = (is_fetching || is_leaving, act(state, go_on));
            way(
                "device-continue",
                "Continue",
                format!("Continue {name}"),
                is_disabled,
                go_on,
            )
        }
    };
    let says = if is_leaving { "Removing…" } else { "Remove" };
    let remove = act(state, HubAction::RemoveAsked(key.clone()));
    let remove = way(
        "device-remove",
        says,
        format!("Remove {name}"),
        is_leaving,
        remove,
    );
    html! {
        <li
            class="model-row" key={key} data-testid="device-model" data-name={name.clone()}
            data-whole={model.is_whole().to_string()}
        >
            <div class="model-what">
                <strong>{ name.clone() }</strong>
                { span("model-facts is-numbers", facts) }
            </div>
            { use_it }
            { remove }
        </li>
    }
}

/// A button; `label` says of which model it is.
fn way(
    testid: &'static str,
    says: &'static str,
    label: String,
    disabled: bool,
    onclick: Callback<MouseEvent>,
) -> Html {
    html! {
        <button class="button" type="button" data-testid={testid} aria-label={label} {disabled} {onclick}>
            { says }
        </button>
    }
}
