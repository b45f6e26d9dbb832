//! A long list of which the first rows are shown, and a button for the others.

use yew::prelude::*;

use crate::format::count;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// How many there are.
    pub of: usize,
    /// How many are shown at first.
    pub first: usize,
    /// One of them and several of them, in a word.
    #[prop_or(["class", "classes"])]
    pub unit: [&'static str; 2],
    #[prop_or_default]
    pub testid: Option<&'static str>,
    /// Draws the list: all of it, or the first rows.
    pub list: Callback<bool, Html>,
}

#[component]
pub fn Folded(props: &Props) -> Html {
    let is_all = use_state_eq(|| false);
    let Props { of, first, .. } = props;
    let more = (of > first).then(|| {
        let says = match *is_all {
            true => format!("Show the first {first}"),
            false => format!("Show all {}", count(*of, props.unit[0], props.unit[1])),
        };
        let onclick = {
            let is_all = is_all.clone();
            Callback::from(move |_: MouseEvent| is_all.set(!*is_all))
        };
        html! {
            <button
                class="quiet" type="button" data-testid={props.testid} {onclick} aria-expanded={is_all.to_string()}
            >
                { says }
            </button>
        }
    });
    html! { <>{ props.list.emit(*is_all) }{ more }</> }
}
