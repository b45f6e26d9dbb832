//! A long work: what it is doing, how far it is, how long it will take, and a way to
//! stop it. Its room is kept while nothing is under way, so that nothing jumps.

use yew::prelude::*;

use super::button::button;
use super::text::{looks, span};
use crate::format::duration;
use crate::state::Running;

/// `running` is what is under way, `unit` what is being counted in it, such as `views`;
/// `idle` is said while nothing is under way.
pub fn work_strip(
    running: Option<&Running>,
    unit: &str,
    idle: String,
    on_stop: Callback<MouseEvent>,
) -> Html {
    let busy = running.filter(|running| !running.is_cancelled);
    let (share, text) = match busy {
        Some(running) => progress(running, unit),
        None => (0.0, idle),
    };
    html! {
        <div class={looks("work-strip", busy.is_some().then_some("is-busy"))} data-testid="work-strip">
            { progress_bar("Progress", share, None) }
            { span("work-text", text) }
            { button("quiet", "cancel", "Cancel", busy.is_none(), on_stop) }
        </div>
    }
}

/// How far something is, in words too where they say more than a number.
pub fn progress_bar(label: &'static str, share: f64, words: Option<String>) -> Html {
    let percent = 100.0 * share.min(1.0);
    html! {
        <svg
            class="work-progress" role="progressbar" aria-label={label} aria-valuemin="0" aria-valuemax="100"
            aria-valuenow={format!("{percent:.0}")} aria-valuetext={words} focusable="false"
        >
            <rect class="bar-track" width="100%" height="100%" rx="2" />
            <rect class="work-fill" width={format!("{percent:.1}%")} height="100%" rx="2" />
        </svg>
    }
}

fn progress(running: &Running, unit: &str) -> (f64, String) {
    let Some(progress) = running
        .progress
        .as_ref()
        .filter(|progress| progress.done > 0)
    else {
        return (0.0, "starting…".into());
    };
    let share = progress.done as f64 / progress.total.max(1) as f64;
    let left = running.milliseconds * (1.0 - share) / share;
    let text = format!(
        "{} of {} {unit}, {} left",
        progress.done,
        progress.total,
        duration(left)
    );
    (share, text)
}
