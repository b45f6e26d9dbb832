//! How the image is cut up, who is asked, and which class the colour is of.

use yew::prelude::*;

use crate::components::slider::Slider;
use crate::components::tune::choice::{Chance, Choice};
use crate::components::views::LearnerChoice;
use crate::format::percent;
use crate::state::{Action, PatchesAction, PatchesSettings, ShownViews, State};

/// What the list calls the class that the image shows most probably.
const MOST_PROBABLE: &str = "";

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
pub fn PatchesControls(props: &Props) -> Html {
    let state = &props.state;
    let settings = &state.patches.settings;
    let on_grid = change(state, |settings, value: f64| settings.grid = value as usize);
    let on_overlap = change(state, |settings, value: f64| settings.overlap = value);
    let on_share = change(state, |settings, value: f64| settings.share = value);
    let on_learner = change(state, |settings, learned| settings.learned = learned);
    html! {
        <>
            <div class="views-controls">
                <Slider
                    id="patches-grid" label="Grid" shown={format!("{0} × {0}", settings.grid)}
                    value={settings.grid as f64} min={1.0} max={PatchesSettings::MOST_ALONG as f64} step={1.0}
                    help="Patches along each side of the image." on_value={on_grid}
                />
                <Slider
                    id="patches-overlap" label="Overlap" shown={format!("{:.2}", settings.overlap)}
                    value={settings.overlap} min={0.0} max={PatchesSettings::MOST_OVERLAP} step={0.05}
                    help="How far a patch reaches over its cell, as a share of the cell." on_value={on_overlap}
                />
                <Slider
                    id="patches-share" label="Trusted" shown={format!("{} of {}", props.trusted, props.views)}
                    value={settings.share} min={0.05} max={1.0} step={0.05}
                    help="The share of the views with the lowest entropy, marked in amber: those that test-time tuning trusts."
                    on_value={on_share}
                />
                { heat_choice(state) }
            </div>
            <div class="views-asked">
                <LearnerChoice
                    id="patches" state={state.clone()} chosen={settings.learned.clone()} on_value={on_learner}
                />
                { props.children.clone() }
            </div>
        </>
    }
}

fn heat_choice(state: &UseReducerHandle<State>) -> Html {
    let chance = |value: &str, label: String| Chance {
        value: value.to_string().into(),
        label: label.into(),
        refusal: None,
    };
    let shown = ShownViews::of(&state.patches.inquiry);
    let first = match shown.and_then(|shown| shown.top(0)) {
        Some((class, probability)) => format!("The image's: {class}, {}", percent(probability)),
        None => "The image's most probable".into(),
    };
    let mut chances = vec![chance(MOST_PROBABLE, first)];
    let names = state.class_names.iter();
    chances.extend(names.map(|name| chance(name, name.clone())));
    let chosen = state.patches.settings.class.clone();
    let value = chosen.filter(|class| state.class_names.contains(class));
    let value = value.unwrap_or_else(|| MOST_PROBABLE.into());
    let on_value = change(state, |settings, class: String| {
        settings.class = (class != MOST_PROBABLE).then_some(class);
    });
    html! { <Choice id="patches-class" label="Colour of" {chances} {value} {on_value} /> }
}

/// A callback that changes the settings.
fn change<T: 'static>(
    state: &UseReducerHandle<State>,
    change: impl Fn(&mut PatchesSettings, T) + 'static,
) -> Callback<T> {
    let state = state.clone();
    Callback::from(move |value: T| {
        let mut settings = state.patches.settings.clone();
        change(&mut settings, value);
        state.dispatch(Action::Patches(PatchesAction::Changed(settings)));
    })
}
