//! A number that is slid, with its value beside it.

use web_sys::{HtmlInputElement, InputEvent};
use yew::prelude::*;

/// Numbers to choose from: lowest, highest, and between two of them.
pub type Range = [f64; 3];

#[derive(Default)]
pub struct Slider {
    pub id: &'static str,
    pub label: &'static str,
    /// The value in words, such as `4 × 4`.
    pub shown: String,
    pub value: f64,
    pub range: Range,
    /// One line on what it does.
    pub help: &'static str,
    pub is_disabled: bool,
}

pub fn slider(slider: Slider, on_value: &Callback<f64>) -> Html {
    let Slider {
        id,
        label,
        value,
        range: [min, max, step],
        help,
        is_disabled,
        ..
    } = slider;
    let shown = AttrValue::from(slider.shown);
    let oninput = on_value.reform(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        input.value_as_number()
    });
    html! {
        <label class="slider" for={id} title={help}>
            <span class="slider-label">{ label }{ " " }<output for={id}>{ shown.clone() }</output></span>
            <input
                {id} type="range" data-testid={id} {oninput} disabled={is_disabled}
                min={min.to_string()} max={max.to_string()} step={step.to_string()}
                value={value.to_string()} aria-valuetext={shown}
            />
        </label>
    }
}
