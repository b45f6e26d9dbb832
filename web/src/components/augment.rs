//! Augmentations: random crops of the image, flipped and mixed, each with what it says,
//! and what the most confident of them say together.

mod controls;
mod gallery;
mod means;

use yew::prelude::*;

use super::views::{Content, Room, source_image, svg_box, use_pointing, view_detail};
use crate::state::{Action, Asker, AugmentAction, ShownViews, State};
use controls::{augment_controls, change};
use gallery::gallery;
use means::means;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn AugmentRoom(props: &Props) -> Html {
    let state = &props.state;
    let augment = &state.augment;
    let settings = &augment.settings;
    let shown = ShownViews::of(&augment.inquiry);
    let views = shown.map_or(settings.count + 1, |shown| shown.answer.views.len());
    let pointing = use_pointing(views);
    let trusted = shown.map(|shown| shown.trusted(settings.share));
    let trusted = trusted.unwrap_or_default();
    let place = |shown: ShownViews<'_>| {
        let view = shown.answer.views.get(pointing.at);
        let place = view.map(|view| {
            html! {
                <g class="marks" data-testid="crop-place">
                    { svg_box("place-edge", view.source) }{ svg_box("place-looked-at", view.source) }
                </g>
            }
        });
        place.unwrap_or_default()
    };
    let room = Room {
        state,
        id: "augment",
        title: "Augmentations",
        help: "Random crops of the image, flipped by chance and mixed with changed copies of \
               themselves (AugMix). Does the model say the same of all of them? Test-time tuning \
               trusts those that it is most sure of.",
        asker: Asker::Augment,
        inquiry: &augment.inquiry,
        question: augment.question(state),
        learned: settings.learned.as_deref(),
        stop: Action::Augment(AugmentAction::Stop),
        again: Action::Augment(AugmentAction::Again),
    };
    room.html(Content {
        controls: augment_controls(state, trusted.len(), views),
        on_learner: change(state, |settings, learned| settings.learned = learned),
        source: html! {
            <>
                { source_image(state, shown, None, place) }
                { view_detail(shown, pointing.at, &trusted) }
            </>
        },
        views: html! {
            <div class="augment-right">
                { means(state, shown, &trusted) }
                { gallery(state, shown, &pointing, &trusted) }
            </div>
        },
        trusted: trusted.len(),
    })
}
