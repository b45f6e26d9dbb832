//! One ranking with two bars a class: before tuning, and at the step looked at.

use clipwright_shared::tuning::TuningPoint;
use yew::prelude::*;

use crate::components::bar::{bar, by_share};
use crate::components::folded::Folded;
use crate::components::text::{heard, looks};
use crate::format::percent;
use crate::state::ShownTuning;

/// Rows shown at first.
const FIRST_ROWS: usize = 8;

/// The rows stand in the order of the `last` step, so that none moves while steps are
/// looked at.
pub fn before_and_now(
    shown: ShownTuning<'_>,
    [before, now, last]: [&TuningPoint; 3],
    step: usize,
) -> Html {
    let class_names = &shown.request.prompts.class_names;
    let start = match shown.request.learned {
        Some(_) => "coop",
        None => "zero_shot",
    };
    let top = now.probabilities.iter().copied();
    let top = top.fold(f32::NEG_INFINITY, f32::max);
    let rows = by_share(&last.probabilities)
        .into_iter()
        .filter_map(|class| {
            let share = |point: &TuningPoint| point.probabilities.get(class).copied();
            let (before, now) = (share(before)?, share(now)?);
            Some(row(class_names.get(class)?, before, now, top, start))
        });
    let rows = rows.collect::<Html>();
    let said = match step {
        0 => "at the start".to_string(),
        step => format!("after step {step}"),
    };
    let list = Callback::from(move |is_all: bool| {
        html! {
            <ol class={looks("ranking", is_all.then_some("is-all"))} data-step={step.to_string()}>
                { rows.clone() }
            </ol>
        }
    });
    html! {
        <div class="tune-bars">
            <p class="tune-legend">
                <span data-method={start} class="tune-before"><span class="dot" />{ "before" }</span>
                <span data-method="coop"><span class="dot" />{ said }</span>
            </p>
            <Folded of={class_names.len()} first={FIRST_ROWS} {list} />
        </div>
    }
}

fn row(name: &str, before: f32, now: f32, top: f32, start: &'static str) -> Html {
    let name = AttrValue::from(name.to_string());
    html! {
        <li
            key={&*name} class={classes!("row", "tune-row", (now >= top).then_some("is-top"))}
            data-testid="tune-row" data-class={name.clone()} data-before={before.to_string()}
            data-now={now.to_string()}
        >
            <span class="row-name" title={name.clone()}>{ name }</span>
            <span class="tune-before" data-method={start}>{ bar(before) }</span>
            <span class="row-percent tune-was">
                { heard("before ") }{ percent(before) }
            </span>
            <span class="tune-now" data-method="coop">{ bar(now) }</span>
            <span class="row-percent">{ heard("now ") }{ percent(now) }</span>
        </li>
    }
}
