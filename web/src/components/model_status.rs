//! Which model is open, or how far it is from being so.

use yew::prelude::*;

use super::act;
use super::text::{heard, looks, span};
use crate::format::{percent, size};
use crate::state::{Action, Asker, HubAction, ModelFile, ModelStage, State, WorkerPhase};

pub fn model_status(state: &UseReducerHandle<State>) -> Html {
    let status = status(state);
    // A site is of one model.
    let is_site = state.site.is_some();
    let onclick = act(state, Action::Hub(HubAction::PanelOpened));
    // How far, for the eye; the text says it to everyone.
    let progress = status.progress.map(|share| {
        html! {
            <svg class="pill-progress" aria-hidden="true" focusable="false">
                <rect width={format!("{:.1}%", share * 100.0)} height="100%" />
            </svg>
        }
    });
    html! {
        <>
            // Spoken when it changes in kind, not with each percent.
            <span class="visually-hidden" role="status">{ status.spoken }</span>
            <button
                class={looks("pill", status.look)} type="button" data-testid="model-status"
                title={status.detail.clone()} aria-haspopup="dialog" {onclick} disabled={is_site}
            >
                <span class="dot" />
                <strong>{ status.name }</strong>
                { span("pill-detail", status.detail) }
                if !is_site {
                    { heard(", choose a model") }
                }
                { progress }
            </button>
        </>
    }
}

struct Status {
    name: String,
    detail: String,
    progress: Option<f32>,
    look: &'static str,
    spoken: &'static str,
}

fn status(state: &State) -> Status {
    let model = &state.model;
    let show = |name: &str, detail: String, progress, look| {
        let spoken = match look {
            "is-good" => "The model is ready",
            "is-bad" => "There is no model",
            _ => "The model is being loaded",
        };
        let name = name.to_string();
        Status {
            name,
            detail,
            progress,
            look,
            spoken,
        }
    };
    if let WorkerPhase::Stopped(_) = state.worker.phase {
        return show(
            "stopped",
            "the worker could not be started".into(),
            None,
            "is-bad",
        );
    }
    match (&model.next, &model.open) {
        (Some(ModelFile { name, stage }), _) => match stage {
            ModelStage::Asked => show(name, "fetching".into(), None, "is-busy"),
            ModelStage::Waiting(file) | ModelStage::Open(file, _) => {
                let running = state.running(Asker::Model);
                let progress = running.and_then(|running| running.progress.as_ref());
                let share = progress.map_or(0.0, |progress| {
                    progress.done as f32 / progress.total.max(1) as f32
                });
                let of = some_size(file.bytes, " of ");
                let detail = format!("opening, {}{of}", percent(share));
                show(name, detail, Some(share), "is-busy")
            }
        },
        (
            None,
            Some(ModelFile {
                name,
                stage: ModelStage::Open(file, info),
            }),
        ) => {
            if let Some(download) = state.hub.download.as_ref().filter(|it| it.is_running()) {
                let (share, next) = (download.share(), &download.record.repository);
                let detail = format!("ready · fetching {next}, {}", percent(share));
                return show(name, detail, Some(share), "is-good");
            }
            let (side, size) = (info.image_side, some_size(file.bytes, " · "));
            let detail = format!(
                "ready · {}, {side} px{size}, on this device",
                info.image_encoder
            );
            show(name, detail, None, "is-good")
        }
        (None, _) if model.problem.is_some() => {
            show("no model", "none could be opened".into(), None, "is-bad")
        }
        (None, _) => show("starting", String::new(), None, "is-busy"),
    }
}

/// A size with what stands before it; nothing where it is not known.
fn some_size(bytes: u64, before: &str) -> String {
    match bytes {
        0 => String::new(),
        bytes => format!("{before}{}", size(bytes)),
    }
}
