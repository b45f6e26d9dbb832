//! How the image is cut up, and which class the colour is of.

use yew::prelude::*;

use crate::components::changing;
use crate::components::choice::{Chance, Choice};
use crate::components::slider::{Slider, slider};
use crate::components::views::trusted_slider;
use crate::format::percent;
use crate::state::{Action, PatchesAction, PatchesSettings, ShownViews, State};

/// What the list calls the class that the image shows most probably.
const MOST_PROBABLE: &str = "";

/// `trusted` of `views` are.
pub fn patches_controls(state: &UseReducerHandle<State>, trusted: usize, views: usize) -> Html {
    let settings = &state.patches.settings;
    let grid = Slider {
        id: "patches-grid",
        label: "Grid",
        shown: format!("{0} × {0}", settings.grid),
        value: settings.grid as f64,
        range: [1.0, PatchesSettings::MOST_ALONG as f64, 1.0],
        help: "Patches along each side of the image.",
        is_disabled: false,
    };
    let overlap = Slider {
        id: "patches-overlap",
        label: "Overlap",
        shown: format!("{:.2}", settings.overlap),
        value: settings.overlap,
        range: [0.0, PatchesSettings::MOST_OVERLAP, 0.05],
        help: "How far a patch reaches over its cell, as a share of the cell.",
        is_disabled: false,
    };
    let on_share = change(state, |settings, value| settings.share = value);
    html! {
        <>
            { slider(grid, &change(state, |settings, value: f64| settings.grid = value as usize)) }
            { slider(overlap, &change(state, |settings, value| settings.overlap = value)) }
            { trusted_slider("patches-share", settings.share, trusted, views, &on_share) }
            { heat_choice(state) }
        </>
    }
}

fn heat_choice(state: &UseReducerHandle<State>) -> Html {
    let shown = ShownViews::of(&state.patches.inquiry);
    let first = match shown.and_then(|shown| shown.top(0)) {
        Some((class, probability)) => format!("The image's: {class}, {}", percent(probability)),
        None => "The image's most probable".into(),
    };
    let mut chances = vec![Chance::new(MOST_PROBABLE, first)];
    let names = state.class_names.iter();
    chances.extend(names.map(|name| Chance::new(name.clone(), name.clone())));
    let chosen = state.patches.settings.class.clone();
    let value = chosen.filter(|class| state.class_names.contains(class));
    let value = value.unwrap_or_else(|| MOST_PROBABLE.into());
    let on_value = change(state, |settings, class: String| {
        settings.class = (class != MOST_PROBABLE).then_some(class);
    });
    html! { <Choice id="patches-class" label="Colour of" {chances} {value} {on_value} /> }
}

/// A callback that changes the settings.
pub fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: fn(&mut PatchesSettings, T),
) -> Callback<T> {
    let action = |settings| Action::Patches(PatchesAction::Changed(settings));
    changing(state, |state| &state.patches.settings, action, change)
}
