//! Patches: the image with a grid over it, how probable a class is in each place, and
//! each patch with what it says. A place and its patch point at each other.

mod controls;
mod grid;
mod places;

use yew::prelude::*;

use super::views::{Content, Room, source_image, use_pointing, view_detail};
use crate::state::{Action, Asker, PatchesAction, ShownViews, State};
use controls::{change, patches_controls};
use grid::patch_grid;
use places::places;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn PatchesRoom(props: &Props) -> Html {
    let state = &props.state;
    let patches = &state.patches;
    let settings = &patches.settings;
    let shown = ShownViews::of(&patches.inquiry);
    let views = shown.map_or(1, |shown| shown.answer.views.len());
    let pointing = use_pointing(views);
    let trusted = shown.map(|shown| shown.trusted(settings.share));
    let trusted = trusted.unwrap_or_default();
    let drawn = |shown: ShownViews<'_>| places(state, shown, &pointing, &trusted);
    let label = "Places of the patches on the image";
    let room = Room {
        state,
        id: "patches",
        title: "Patches",
        help: "Each patch is looked at as if it were an image of its own: what does the model \
               see, and where? The colour over the image says how probable one class is there.",
        asker: Asker::Patches,
        inquiry: &patches.inquiry,
        question: patches.question(state),
        learned: settings.learned.as_deref(),
        stop: Action::Patches(PatchesAction::Stop),
        again: Action::Patches(PatchesAction::Again),
    };
    room.html(Content {
        controls: patches_controls(state, trusted.len(), views),
        on_learner: change(state, |settings, learned| settings.learned = learned),
        source: html! {
            <>
                { source_image(state, shown, Some(label), drawn) }
                <p class="heat-legend" aria-hidden="true">
                    <span>{ "0\u{202f}%" }</span><span class="heat-scale" /><span>{ "100\u{202f}%" }</span>
                </p>
                { view_detail(shown, pointing.at, &trusted) }
            </>
        },
        views: patch_grid(state, shown, &pointing, &trusted),
        trusted: trusted.len(),
    })
}
