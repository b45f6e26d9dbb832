//! A long work: what it is doing, how far it is, how long it will take, and a way to
//! stop it. Its room is kept while nothing is under way, so that nothing jumps.

use yew::prelude::*;

use crate::format::duration;
use crate::state::Running;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// What is under way.
    pub running: Option<Running>,
    /// What is being counted, such as `views`.
    pub unit: AttrValue,
    /// What is said while nothing is under way.
    #[prop_or_default]
    pub idle: AttrValue,
    pub on_stop: Callback<()>,
}

#[component]
pub fn WorkStrip(props: &Props) -> Html {
    let busy = props
        .running
        .as_ref()
        .filter(|running| !running.is_cancelled);
    let (share, text) = match busy {
        Some(running) => progress(running, &props.unit),
        None => (0.0, props.idle.to_string()),
    };
    let onclick = props.on_stop.reform(|_: MouseEvent| ());
    html! {
        <div class={classes!("work-strip", busy.is_some().then_some("is-busy"))} data-testid="work-strip">
            <svg
                class="work-progress" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100"
                aria-valuenow={format!("{:.0}", share * 100.0)} focusable="false"
            >
                <rect class="bar-track" width="100%" height="100%" rx="2" />
                <rect class="work-fill" width={format!("{:.1}%", share * 100.0)} height="100%" rx="2" />
            </svg>
            <span class="work-text">{ text }</span>
            <button class="quiet" type="button" data-testid="cancel" disabled={busy.is_none()} {onclick}>{ "Cancel" }</button>
        </div>
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
