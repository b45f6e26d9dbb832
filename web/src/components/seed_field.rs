//! The number that random draws begin from.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::text::span;

/// A field for a seed; `help` says what the same seed gives.
pub fn seed_field(
    testid: &'static str,
    seed: u32,
    help: &'static str,
    on_seed: &Callback<u32>,
) -> Html {
    let on_seed = on_seed.clone();
    let oninput = Callback::from(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Ok(seed) = input.value().trim().parse() {
            on_seed.emit(seed);
        }
    });
    // What is no number is put back.
    let onchange = Callback::from(move |event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if input.value().trim().parse::<u32>().is_err() {
            input.set_value(&seed.to_string());
        }
    });
    html! {
        <label class="choice" title={help}>
            { span("slider-label", "Seed") }
            <input
                class="text-input" type="number" min="0" max={u32::MAX.to_string()} step="1" data-testid={testid}
                value={seed.to_string()} {oninput} {onchange}
            />
        </label>
    }
}
