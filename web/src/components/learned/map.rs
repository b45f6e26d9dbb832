//! Images and every learner's prompts in one plane.

use clipwright_shared::learners::Method;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::super::point_map::{MapPoint, PointKind, PointMap};
use crate::state::{Action, LearnedTabAction, LearnedTabSettings, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn LearnedMap(props: &Props) -> Html {
    let state = &props.state;
    let Some(shown) = state.shown_learned() else {
        return Html::default();
    };
    let settings = &state.learned_tab.settings;
    let map = &shown.answer.map;
    let places = match settings.together {
        true => &map.together,
        false => &map.apart,
    };
    let classes = &shown.request.prompts.class_names;
    let all_images = state.map_images();
    // While the next answer is on its way, the images may be others already.
    let images = match all_images.len() == places.images.len() {
        true => all_images,
        false => Vec::new(),
    };
    let number = |class: &Option<String>| {
        let found = class
            .as_ref()
            .and_then(|class| classes.iter().position(|name| name == class));
        found.unwrap_or(usize::MAX)
    };
    let placed = images.iter().zip(&places.images);
    let mut points: Vec<MapPoint> = placed
        .filter_map(|(image, at)| {
            Some(MapPoint {
                kind: PointKind::Image,
                class: number(&image.class),
                at: (*at)?,
                name: image.title.clone(),
            })
        })
        .collect();
    for (learner, prompts) in shown.answer.learners.iter().zip(&places.prompts) {
        let name = match learner.method {
            Method::ZeroShot => String::new(),
            _ => learner.name.clone(),
        };
        points.extend(prompts.iter().enumerate().map(|(class, at)| MapPoint {
            kind: PointKind::Prompt {
                method: learner.method,
            },
            class,
            at: *at,
            name: name.clone(),
        }));
    }
    let share = (places.shares[0] + places.shares[1]) * 100.0;
    let label = "Map of images and of the classes' prompts";
    html! {
        <section class="card insight" aria-labelledby="map-title" data-testid="learned-map" data-together={settings.together.to_string()}>
            <h3 class="insight-title" id="map-title">{ "Where images and prompts lie" }</h3>
            <p class="help">
                { format!("Of all directions in which features differ, these two hold most: {share:.0}\u{202f}% of \
                           the differences. A class is found by the prompt whose direction is nearest to \
                           the image's.") }
                { eyes(state) }
            </p>
            <div class="map-switches">
                { switch(state, "map-together", "Lay images and prompts over each other", settings.together,
                    |settings, is_on| LearnedTabSettings { together: is_on, ..settings }) }
                { switch(state, "map-samples", "With the samples", settings.samples,
                    |settings, is_on| LearnedTabSettings { samples: is_on, ..settings }) }
            </div>
            <p class="help map-gap">
                { match settings.together {
                    true => {
                        "Images are drawn around their own mean and prompts around theirs, so that \
                         what differs within each kind is seen."
                    }
                    false => {
                        "As the features lie. Many a CLIP keeps images and texts far apart, which is \
                         called the modality gap."
                    }
                } }
            </p>
            <PointMap {points} classes={classes.clone()} {label} />
        </section>
    }
}

/// Whose image encoder the images were seen with.
fn eyes(state: &State) -> Option<&'static str> {
    let info = state.looked_at_learner()?;
    (info.method == Method::Lora)
        .then_some(" The images are where the adapted image encoder sees them.")
}

fn switch(
    state: &UseReducerHandle<State>,
    testid: &'static str,
    label: &'static str,
    is_on: bool,
    set: fn(LearnedTabSettings, bool) -> LearnedTabSettings,
) -> Html {
    let onchange = {
        let state = state.clone();
        Callback::from(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let settings = set(state.learned_tab.settings.clone(), input.checked());
            state.dispatch(Action::LearnedTab(LearnedTabAction::Set(settings)));
        })
    };
    html! {
        <label class="map-switch">
            <input type="checkbox" data-testid={testid} checked={is_on} {onchange} />
            { label }
        </label>
    }
}
