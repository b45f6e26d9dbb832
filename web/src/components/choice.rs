//! One of several, to be chosen from a list.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::text::looks;

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    pub value: AttrValue,
    pub label: AttrValue,
    /// Why it cannot be chosen.
    pub refusal: Option<String>,
}

impl Chance {
    /// One that can be chosen.
    pub fn new(value: impl Into<AttrValue>, label: impl Into<AttrValue>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            refusal: None,
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub id: AttrValue,
    pub label: AttrValue,
    pub chances: Vec<Chance>,
    pub value: AttrValue,
    /// Whether list and label stand side by side.
    #[prop_or_default]
    pub is_row: bool,
    /// The id of what describes it.
    #[prop_or_default]
    pub described_by: Option<AttrValue>,
    pub on_value: Callback<String>,
}

#[component]
pub fn Choice(props: &Props) -> Html {
    let list = use_node_ref();
    {
        // Once a person has chosen, the options' attributes no longer say what is shown.
        let shown = (props.value.clone(), props.chances.clone());
        let list = list.clone();
        use_effect_with(shown, move |(value, _)| {
            if let Some(list) = list.cast::<HtmlSelectElement>() {
                list.set_value(value);
            }
        });
    }
    let onchange = props.on_value.reform(|event: Event| {
        let list: HtmlSelectElement = event.target_unchecked_into();
        list.value()
    });
    let options = props.chances.iter().map(|chance| {
        let Chance {
            value,
            label,
            refusal,
        } = chance;
        html! {
            <option
                key={value.to_string()} value={value.clone()} selected={*value == props.value}
                disabled={refusal.is_some()} title={refusal.clone()}
            >
                { label }
            </option>
        }
    });
    let Props {
        id, label, is_row, ..
    } = props;
    html! {
        <label class={looks("choice", is_row.then_some("is-row"))} for={id.clone()}>
            <span class="slider-label">{ label }</span>
            <select
                ref={list} id={id.clone()} data-testid={id.clone()} class="text-input" {onchange}
                aria-describedby={props.described_by.clone()}
            >
                { for options }
            </select>
        </label>
    }
}
