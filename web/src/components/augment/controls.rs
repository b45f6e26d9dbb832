//! Which crops, how they are mixed, who is asked, and in which order they stand.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::slider::Slider;
use crate::components::views::LearnerChoice;
use crate::state::{Action, AugmentAction, AugmentSettings, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
    /// How many views are trusted, of how many.
    pub trusted: usize,
    pub views: usize,
    /// How far the answer is.
    pub children: Html,
}

#[component]
pub fn AugmentControls(props: &Props) -> Html {
    let state = &props.state;
    let settings = &state.augment.settings;
    let on_learner = change(state, |settings, learned| settings.learned = learned);
    let on_sorted = change(state, |settings, event: Event| {
        settings.is_sorted = checked(&event)
    });
    let on_share = change(state, |settings, value: f64| settings.share = value);
    html! {
        <>
            <div class="views-controls">
                { crops(state) }
                { seed(state) }
                { mixing(state) }
                <Slider
                    id="augment-share" label="Trusted" shown={format!("{} of {}", props.trusted, props.views)}
                    value={settings.share} min={0.05} max={1.0} step={0.05}
                    help="The share of the views with the lowest entropy, marked in amber: those that test-time tuning trusts."
                    on_value={on_share}
                />
                <label class="check" title="The views with the lowest entropy come first.">
                    <input type="checkbox" data-testid="augment-sorted" checked={settings.is_sorted} onchange={on_sorted} />
                    <span>{ "Most confident first" }</span>
                </label>
            </div>
            <div class="views-asked">
                <LearnerChoice
                    id="augment" state={state.clone()} chosen={settings.learned.clone()} on_value={on_learner}
                />
                { props.children.clone() }
            </div>
        </>
    }
}

fn crops(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.augment.settings;
    let on_count = change(state, |settings, value: f64| {
        settings.count = value as usize
    });
    let on_scale = change(state, |settings, value: f64| settings.smallest = value);
    let on_flip = change(state, |settings, value: f64| settings.flip = value);
    html! {
        <>
            <Slider
                id="augment-count" label="Crops" shown={settings.count.to_string()} value={settings.count as f64}
                min={1.0} max={AugmentSettings::MOST_CROPS as f64} step={1.0}
                help="How many random crops are looked at beside the image itself." on_value={on_count}
            />
            <Slider
                id="augment-scale" label="Smallest crop" shown={format!("{:.0}\u{202f}%", 100.0 * settings.smallest)}
                value={settings.smallest} min={AugmentSettings::LEAST_SCALE} max={1.0} step={0.02}
                help="The smallest share of the image's area that a crop may show." on_value={on_scale}
            />
            <Slider
                id="augment-flip" label="Flipped" shown={format!("{:.0}\u{202f}%", 100.0 * settings.flip)}
                value={settings.flip} min={0.0} max={1.0} step={0.1}
                help="How many of the crops are turned left to right, by chance." on_value={on_flip}
            />
        </>
    }
}

fn mixing(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.augment.settings;
    let disabled = !settings.is_mixed;
    let on_mixed = change(state, |settings, event: Event| {
        settings.is_mixed = checked(&event)
    });
    let on_severity = change(state, |settings, value: f64| {
        settings.severity = value as usize
    });
    let on_width = change(state, |settings, value: f64| {
        settings.width = value as usize
    });
    let on_depth = change(state, |settings, value: f64| {
        settings.depth = value as usize
    });
    let depth = match settings.depth {
        0 => "1 to 3".to_string(),
        depth => depth.to_string(),
    };
    html! {
        <>
            <label class="check" title="Mixes each crop with changed copies of itself.">
                <input type="checkbox" data-testid="augment-mixed" checked={settings.is_mixed} onchange={on_mixed} />
                <span>{ "AugMix" }</span>
            </label>
            <Slider
                id="augment-severity" label="Severity" shown={settings.severity.to_string()} {disabled}
                value={settings.severity as f64} min={1.0} max={AugmentSettings::MOST_SEVERE as f64} step={1.0}
                help="How strong the operations may be." on_value={on_severity}
            />
            <Slider
                id="augment-width" label="Chains" shown={settings.width.to_string()} {disabled}
                value={settings.width as f64} min={1.0} max={AugmentSettings::MOST_CHAINS as f64} step={1.0}
                help="How many changed copies are mixed: AugMix's width." on_value={on_width}
            />
            <Slider
                id="augment-depth" label="Depth" shown={depth} {disabled}
                value={settings.depth as f64} min={0.0} max={AugmentSettings::DEEPEST as f64} step={1.0}
                help="How many operations follow each other in a chain; at the left, 1 to 3 by chance."
                on_value={on_depth}
            />
        </>
    }
}

fn seed(state: &UseReducerHandle<State>) -> Html {
    let oninput = change(state, |settings, event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Ok(seed) = input.value().parse() {
            settings.seed = seed;
        }
    });
    let dispatch = state.dispatcher();
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatch.dispatch(Action::Augment(AugmentAction::NewSeed));
    });
    html! {
        <div class="seed">
            <label class="choice" title="Names the random draws: the same seed gives the same views.">
                <span class="slider-label">{ "Seed" }</span>
                <input
                    class="text-input" type="number" min="0" max={AugmentSettings::LAST_SEED.to_string()} step="1"
                    data-testid="augment-seed" value={state.augment.settings.seed.to_string()} {oninput}
                />
            </label>
            <button class="button" type="button" data-testid="augment-new-seed" {onclick}>{ "New seed" }</button>
        </div>
    }
}

fn checked(event: &Event) -> bool {
    let input: HtmlInputElement = event.target_unchecked_into();
    input.checked()
}

/// A callback that changes the settings.
fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: impl Fn(&mut AugmentSettings, T) + 'static,
) -> Callback<T> {
    let state = state.clone();
    Callback::from(move |value: T| {
        let mut settings = state.augment.settings.clone();
        change(&mut settings, value);
        state.dispatch(Action::Augment(AugmentAction::Changed(settings)));
    })
}
