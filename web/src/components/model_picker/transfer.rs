//! The model on its way: how far, how fast, how long, and how to stop it.

use yew::prelude::*;

use super::{Props, act};
use crate::components::problem_box::ProblemBox;
use crate::format::{percent, size};
use crate::hub::time_left;
use crate::state::{Action, Download, DownloadStage, HubAction, State};

#[component]
pub fn TransferPart(props: &Props) -> Html {
    let state = &props.state;
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
                { button(state, download) }
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

fn button(state: &UseReducerHandle<State>, download: &Download) -> Html {
    match download.is_running() {
        true => html! {
            <button
                class="button" type="button" data-testid="hub-cancel"
                onclick={act(state, HubAction::DownloadCancelled)}
            >
                { "Cancel" }
            </button>
        },
        false => html! {
            <button
                class="button is-main" type="button" data-testid="hub-continue"
                onclick={act(state, HubAction::DownloadAsked(download.record.clone().into()))}
            >
                { "Continue" }
            </button>
        },
    }
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
    let record = download.record.clone();
    let dispatch = state.dispatcher();
    let on_action = Callback::from(move |()| {
        let again = HubAction::DownloadAsked(record.clone().into());
        dispatch.dispatch(Action::Hub(again));
    });
    Some(html! { <ProblemBox problem={problem.clone()} action="Try again" {on_action} /> })
}
