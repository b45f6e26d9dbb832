//! What the image alone says, and the mean of what the trusted views say: two bars a
//! class, ranked by the mean.

use yew::prelude::*;

use crate::components::bar::Bar;
use crate::format::{count, percent};
use crate::state::{ShownViews, State};

/// Rows shown at first.
const FIRST_ROWS: usize = 6;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    pub trusted: Vec<usize>,
}

#[component]
pub fn Means(props: &Props) -> Html {
    let all = use_state(|| false);
    let state = &props.state;
    let classes = state.class_names.len();
    let shown = ShownViews::of(&state.augment.inquiry);
    let mean = shown.map(|shown| shown.mean(&props.trusted));
    let mean = mean.unwrap_or_else(|| vec![0.0; classes]);
    let plain = shown.map(|shown| shown.probabilities(0).to_vec());
    let plain = plain.unwrap_or_else(|| vec![0.0; classes]);
    let names = shown.map_or(&state.class_names[..], |shown| shown.class_names());
    let mut order: Vec<usize> = (0..names.len().min(mean.len())).collect();
    order.sort_by(|a, b| mean[*b].total_cmp(&mean[*a]));
    let count_all = order.len();
    if !*all {
        order.truncate(FIRST_ROWS);
    }
    let top = |of: &[f32]| of.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (most, most_plain) = (top(&mean), top(&plain));
    let rows = order.iter().map(|class| {
        let (name, mean) = (&names[*class], mean[*class]);
        let plain = plain.get(*class).copied().unwrap_or_default();
        html! {
            <tr
                key={name.clone()} data-testid="mean-row" data-class={name.clone()}
                data-mean={mean.to_string()} data-plain={plain.to_string()}
            >
                <th scope="row" title={name.clone()}>{ name }</th>
                { share(plain, plain >= most_plain, "is-plain") }
                { share(mean, mean >= most, "is-mean") }
            </tr>
        }
    });
    let more = (count_all > FIRST_ROWS).then(|| {
        let onclick = {
            let all = all.clone();
            Callback::from(move |_: MouseEvent| all.set(!*all))
        };
        let label = match *all {
            true => format!("Show the first {FIRST_ROWS}"),
            false => format!("Show all {}", count(count_all, "class", "classes")),
        };
        html! { <button class="quiet" type="button" {onclick} aria-expanded={all.to_string()}>{ label }</button> }
    });
    let trusted = match props.trusted.len() {
        1 => "Most confident view".to_string(),
        several => format!("Mean of the {several} most confident"),
    };
    html! {
        <div class="means">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{ "Class" }</th>
                        <th scope="col">{ "Image alone" }</th>
                        <th scope="col"><span class="swatch" />{ trusted }</th>
                    </tr>
                </thead>
                <tbody>{ for rows }</tbody>
            </table>
            { more }
        </div>
    }
}

fn share(share: f32, is_top: bool, look: &'static str) -> Html {
    html! {
        <td class={classes!(look, is_top.then_some("is-top"))}>
            <span class="mean-share"><Bar {share} /><span class="row-percent">{ percent(share) }</span></span>
        </td>
    }
}
