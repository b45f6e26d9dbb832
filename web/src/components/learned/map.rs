//! Images and every learner's prompts in one plane.

use clipwright_shared::learners::Method;
use yew::prelude::*;

use super::chooser::change;
use crate::components::check::{Check, check};
use crate::components::point_map::{MapPoint, PointKind, PointMap};
use crate::state::{ShownLearned, State};

pub fn learned_map(state: &UseReducerHandle<State>, shown: ShownLearned<'_>) -> Html {
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
    let together = Check {
        testid: "map-together",
        label: "Lay images and prompts over each other",
        help: None,
        is_on: settings.together,
        is_disabled: false,
    };
    let samples = Check {
        testid: "map-samples",
        label: "With the samples",
        help: None,
        is_on: settings.samples,
        is_disabled: false,
    };
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
                { check(together, &change(state, |settings, is_on| settings.together = is_on)) }
                { check(samples, &change(state, |settings, is_on| settings.samples = is_on)) }
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
