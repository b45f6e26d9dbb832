//! One ranking with two bars a class: before tuning, and at the step looked at.

use yew::prelude::*;

use crate::components::bar::Bar;
use crate::format::{count, percent};

/// Rows shown at first.
const FIRST_ROWS: usize = 8;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub class_names: Vec<String>,
    pub before: Vec<f32>,
    pub now: Vec<f32>,
    /// The rows stand in the order of these, so that none moves while steps are
    /// looked at.
    pub order_by: Vec<f32>,
    /// Whether it started from a learned context.
    pub is_learned: bool,
    pub step: usize,
}

#[component]
pub fn BeforeAndNow(props: &Props) -> Html {
    let all = use_state(|| false);
    let mut order: Vec<usize> = (0..props.class_names.len()).collect();
    let value = |class: usize| props.order_by.get(class).copied().unwrap_or_default();
    order.sort_by(|a, b| value(*b).total_cmp(&value(*a)));
    let before = if props.is_learned {
        "coop"
    } else {
        "zero_shot"
    };
    let rows = order.iter().map(|class| row(props, *class, before));
    let classes = props.class_names.len();
    let more = (classes > FIRST_ROWS).then(|| {
        let onclick = {
            let all = all.clone();
            Callback::from(move |_: MouseEvent| all.set(!*all))
        };
        let label = match *all {
            true => format!("Show the first {FIRST_ROWS}"),
            false => format!("Show all {}", count(classes, "class", "classes")),
        };
        html! {
            <button class="quiet" type="button" {onclick} aria-expanded={all.to_string()}>{ label }</button>
        }
    });
    let now = match props.step {
        0 => "at the start".to_string(),
        step => format!("after step {step}"),
    };
    html! {
        <div class="tune-bars">
            <p class="tune-legend">
                <span data-method={before} class="tune-before"><span class="dot" />{ "before" }</span>
                <span data-method="coop"><span class="dot" />{ now }</span>
            </p>
            <ol class={classes!("ranking", all.then_some("is-all"))}>{ for rows }</ol>
            { more }
        </div>
    }
}

fn row(props: &Props, class: usize, start: &'static str) -> Html {
    let share = |shares: &[f32]| shares.get(class).copied().unwrap_or_default();
    let (before, now) = (share(&props.before), share(&props.now));
    let top = props.now.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let name = props.class_names.get(class).cloned().unwrap_or_default();
    html! {
        <li
            key={name.clone()} class={classes!("row", "tune-row", (now >= top).then_some("is-top"))}
            data-testid="tune-row" data-class={name.clone()} data-before={before.to_string()}
            data-now={now.to_string()}
        >
            <span class="row-name" title={name.clone()}>{ name }</span>
            <span class="tune-before" data-method={start}><Bar share={before} /></span>
            <span class="row-percent tune-was">
                <span class="visually-hidden">{ "before " }</span>{ percent(before) }
            </span>
            <span class="tune-now" data-method="coop"><Bar share={now} /></span>
            <span class="row-percent"><span class="visually-hidden">{ "now " }</span>{ percent(now) }</span>
        </li>
    }
}
