//! What the image alone says, and the mean of what the trusted views say: two bars a
//! class, ranked by the mean.

use yew::prelude::*;

use crate::components::bar::{bar, by_share};
use crate::components::folded::Folded;
use crate::components::text::{looks, span};
use crate::format::percent;
use crate::state::{ShownViews, State};

/// Rows shown at first.
const FIRST_ROWS: usize = 6;

pub fn means(state: &State, shown: Option<ShownViews<'_>>, trusted: &[usize]) -> Html {
    let classes = state.class_names.len();
    let mean = shown.map(|shown| shown.mean(trusted));
    let mean = mean.unwrap_or_else(|| vec![0.0; classes]);
    let plain = shown.map(|shown| shown.probabilities(0).to_vec());
    let plain = plain.unwrap_or_else(|| vec![0.0; classes]);
    let names = shown.map_or(&state.class_names[..], |shown| shown.class_names());
    let top = |of: &[f32]| of.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (most, most_plain) = (top(&mean), top(&plain));
    let rows = by_share(&mean).into_iter().filter_map(|class| {
        let (name, mean) = (AttrValue::from(names.get(class)?.clone()), mean[class]);
        let plain = plain.get(class).copied().unwrap_or_default();
        Some(html! {
            <tr
                key={&*name} data-testid="mean-row" data-class={name.clone()}
                data-mean={mean.to_string()} data-plain={plain.to_string()}
            >
                <th scope="row" title={name.clone()}>{ name }</th>
                { share(plain, plain >= most_plain, "is-plain") }
                { share(mean, mean >= most, "is-mean") }
            </tr>
        })
    });
    let rows: Vec<Html> = rows.collect();
    let of = rows.len();
    let trusted = match trusted.len() {
        1 => "Most confident view".to_string(),
        several => format!("Mean of the {several} most confident"),
    };
    let trusted = AttrValue::from(trusted);
    let list = Callback::from(move |is_all: bool| {
        let shown = if is_all { rows.len() } else { FIRST_ROWS };
        html! {
            <table>
                <thead>
                    <tr>
                        <th scope="col">{ "Class" }</th>
                        <th scope="col">{ "Image alone" }</th>
                        <th scope="col"><span class="swatch" />{ trusted.clone() }</th>
                    </tr>
                </thead>
                <tbody>{ for rows.iter().take(shown).cloned() }</tbody>
            </table>
        }
    });
    html! { <div class="means"><Folded {of} first={FIRST_ROWS} {list} /></div> }
}

fn share(share: f32, is_top: bool, look: &'static str) -> Html {
    html! {
        <td class={looks(look, is_top.then_some("is-top"))}>
            <span class="mean-share">{ bar(share) }{ span("row-percent", percent(share)) }</span>
        </td>
    }
}
