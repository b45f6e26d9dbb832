//! Which crops, how they are mixed, and in which order they stand.

use yew::prelude::*;

use crate::components::check::{Check, check};
use crate::components::seed_field::seed_field;
use crate::components::slider::{Slider, slider};
use crate::components::views::trusted_slider;
use crate::components::{act, button::button, changing};
use crate::state::{Action, AugmentAction, AugmentSettings, State};

/// `trusted` of `views` are.
pub fn augment_controls(state: &UseReducerHandle<State>, trusted: usize, views: usize) -> Html {
    let settings = &state.augment.settings;
    let on_share = change(state, |settings, value| settings.share = value);
    let sorted = Check {
        testid: "augment-sorted",
        label: "Most confident first",
        help: Some("The views with the lowest entropy come first."),
        is_on: settings.is_sorted,
        is_disabled: false,
    };
    let on_sorted = change(state, |settings, is_on| settings.is_sorted = is_on);
    html! {
        <>
            { crops(state) }
            { seed(state) }
            { mixing(state) }
            { trusted_slider("augment-share", settings.share, trusted, views, &on_share) }
            { check(sorted, &on_sorted) }
        </>
    }
}

fn crops(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.augment.settings;
    let count = Slider {
        id: "augment-count",
        label: "Crops",
        shown: settings.count.to_string(),
        value: settings.count as f64,
        range: [1.0, AugmentSettings::MOST_CROPS as f64, 1.0],
        help: "How many random crops are looked at beside the image itself.",
        is_disabled: false,
    };
    let scale = Slider {
        id: "augment-scale",
        label: "Smallest crop",
        shown: format!("{:.0}\u{202f}%", 100.0 * settings.smallest),
        value: settings.smallest,
        range: [AugmentSettings::LEAST_SCALE, 1.0, 0.02],
        help: "The smallest share of the image's area that a crop may show.",
        is_disabled: false,
    };
    let flip = Slider {
        id: "augment-flip",
        label: "Flipped",
        shown: format!("{:.0}\u{202f}%", 100.0 * settings.flip),
        value: settings.flip,
        range: [0.0, 1.0, 0.1],
        help: "How many of the crops are turned left to right, by chance.",
        is_disabled: false,
    };
    html! {
        <>
            { slider(count, &change(state, |settings, value: f64| settings.count = value as usize)) }
            { slider(scale, &change(state, |settings, value| settings.smallest = value)) }
            { slider(flip, &change(state, |settings, value| settings.flip = value)) }
        </>
    }
}

fn mixing(state: &UseReducerHandle<State>) -> Html {
    let settings = &state.augment.settings;
    let is_disabled = !settings.is_mixed;
    let mixed = Check {
        testid: "augment-mixed",
        label: "AugMix",
        help: Some("Mixes each crop with changed copies of itself."),
        is_on: settings.is_mixed,
        is_disabled: false,
    };
    let severity = Slider {
        id: "augment-severity",
        label: "Severity",
        shown: settings.severity.to_string(),
        value: settings.severity as f64,
        range: [1.0, AugmentSettings::MOST_SEVERE as f64, 1.0],
        help: "How strong the operations may be.",
        is_disabled,
    };
    let width = Slider {
        id: "augment-width",
        label: "Chains",
        shown: settings.width.to_string(),
        value: settings.width as f64,
        range: [1.0, AugmentSettings::MOST_CHAINS as f64, 1.0],
        help: "How many changed copies are mixed: AugMix's width.",
        is_disabled,
    };
    let depth = Slider {
        id: "augment-depth",
        label: "Depth",
        shown: match settings.depth {
            0 => "1 to 3".into(),
            depth => depth.to_string(),
        },
        value: settings.depth as f64,
        range: [0.0, AugmentSettings::DEEPEST as f64, 1.0],
        help: "How many operations follow each other in a chain; at the left, 1 to 3 by chance.",
        is_disabled,
    };
    html! {
        <>
            { check(mixed, &change(state, |settings, is_on| settings.is_mixed = is_on)) }
            { slider(severity, &change(state, |settings, value: f64| settings.severity = value as usize)) }
            { slider(width, &change(state, |settings, value: f64| settings.width = value as usize)) }
            { slider(depth, &change(state, |settings, value: f64| settings.depth = value as usize)) }
        </>
    }
}

fn seed(state: &UseReducerHandle<State>) -> Html {
    let help = "Names the random draws: the same seed gives the same views.";
    let seed = state.augment.settings.seed.min(AugmentSettings::LAST_SEED) as u32;
    let on_seed = change(state, |settings, seed: u32| settings.seed = seed.into());
    let anew = act(state, Action::Augment(AugmentAction::NewSeed));
    html! {
        <div class="seed">
            { seed_field("augment-seed", seed, help, &on_seed) }
            { button("button", "augment-new-seed", "New seed", false, anew) }
        </div>
    }
}

/// A callback that changes the settings.
pub fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: fn(&mut AugmentSettings, T),
) -> Callback<T> {
    let action = |settings| Action::Augment(AugmentAction::Changed(settings));
    changing(state, |state| &state.augment.settings, action, change)
}
