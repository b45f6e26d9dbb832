//! A number that is slid, with its value beside it.

use web_sys::{HtmlInputElement, InputEvent};
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub id: AttrValue,
    pub label: AttrValue,
    /// The value in words, such as `4 × 4`.
    pub shown: AttrValue,
    pub value: f64,
    pub min: f64,
    pub max: f64,
    pub step: f64,
    #[prop_or_default]
    pub disabled: bool,
    /// One line on what it does.
    #[prop_or_default]
    pub help: AttrValue,
    pub on_value: Callback<f64>,
}

#[component]
pub fn Slider(props: &Props) -> Html {
    let Props {
        id, label, shown, ..
    } = props;
    let oninput = props.on_value.reform(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        input.value_as_number()
    });
    html! {
        <label class="slider" for={id.clone()} title={props.help.clone()}>
            <span class="slider-label">{ label }{ " " }<output for={id.clone()}>{ shown }</output></span>
            <input
                {id} type="range" data-testid={id.clone()} {oninput} disabled={props.disabled}
                min={props.min.to_string()} max={props.max.to_string()} step={props.step.to_string()}
                value={props.value.to_string()} aria-valuetext={shown.clone()}
            />
        </label>
    }
}
