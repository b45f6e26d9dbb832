//! The model on its way: how far, how fast, how long, and how to stop it.

use yew::prelude::*;

use super::act;
use crate::components::button::button;
use crate::components::problem_box::problem_with;
use crate::format::{percent, size};
use crate::hub::time_left;
use crate::state::{Download, DownloadStage, HubAction, State};

pub fn transfer_part(state: &UseReducerHandle<State>) -> Html {
    let Some(download) = &state.hub.download else {
        return Html::default();
    };
    let spoken = match download.stage {
        DownloadStage::Running => "The download is running",
        DownloadStage::Retrying => "The connection broke; it is tried again",
        DownloadStage::Stopped(_) => "The download has stopped",
    };
    let name = download.record.repository.to_string();
    let now = (download.share() * 100.0).floor();
    html! {
        <section class="picker-part" aria-label="Download" data-testid="hub-transfer">
            <span class="visually-hidden" role="status">{ spoken }</span>
            <div class="model-row">
                <div class="model-what">
                    <strong>{ name.clone() }</strong>
                    <span class="model-facts is-numbers" data-testid="hub-progress">{ facts(download) }</span>
                </div>
                { way(state, download) }
            </div>
            <svg
                class="transfer-bar" role="progressbar" aria-label={format!("Download of {name}")}
                aria-valuemin="0" aria-valuemax="100" aria-valuenow={now.to_string()}
            >
                <rect class="bar-track" width="100%" height="100%" />
                <rect class="transfer-fill" width={format!("{:.1}%", download.share() * 100.0)} height="100%" />
            </svg>
            { unkept(download) }
            { stopped(state, download) }
        </section>
    }
}

/// `34 % · 32 MB of 94 MB · 2.1 MB/s · 30 s left`
fn facts(download: &Download) -> String {
    let bytes = download.record.plan.bytes();
    let mut facts = vec![
        percent(download.share()),
        format!("{} of {}", size(download.here), size(bytes)),
    ];
    match download.stage {
        DownloadStage::Running => {
            let rate = download.pace.rate();
            facts.extend(rate.map(|rate| format!("{}/s", size(rate))));
            let left = download.seconds_left().filter(|_| download.here < bytes);
            facts.extend(left.map(|seconds| format!("{} left", time_left(seconds))));
        }
        DownloadStage::Retrying => facts.push("the connection broke, trying again".into()),
        DownloadStage::Stopped(_) => facts.push("stopped; what is here is kept".into()),
    }
    facts.join(" · ")
}

/// What stops it, or goes on with it.
fn way(state: &UseReducerHandle<State>, download: &Download) -> Html {
    if download.is_running() {
        let cancel = act(state, HubAction::DownloadCancelled);
        return button("button", "hub-cancel", "Cancel", false, cancel);
    }
    let again = HubAction::DownloadAsked(download.record.clone().into());
    let again = act(state, again);
    button("button is-main", "hub-continue", "Continue", false, again)
}

fn unkept(download: &Download) -> Option<Html> {
    download.is_unkept.then(|| {
        html! {
            <p class="help is-wrong" role="status">
                { "This device has no room left: the rest goes into memory and is gone when the page is closed." }
            </p>
        }
    })
}

fn stopped(state: &UseReducerHandle<State>, download: &Download) -> Option<Html> {
    let DownloadStage::Stopped(Some(problem)) = &download.stage else {
        return None;
    };
    let again = HubAction::DownloadAsked(download.record.clone().into());
    Some(problem_with(problem, "Try again", act(state, again)))
}
