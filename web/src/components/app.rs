//! The page: what you bring on the left, what you see on the right.

use web_sys::File;
use yew::prelude::*;

use super::augment::AugmentRoom;
use super::class_panel::ClassPanel;
use super::drop_overlay::drop_overlay;
use super::header::Header;
use super::image_panel::ImagePanel;
use super::learned::LearnedRoom;
use super::model_picker::ModelPicker;
use super::notices::notices;
use super::offline_status::offline_status;
use super::patches::PatchesRoom;
use super::prompt_panel::prompt_panel;
use super::results::results;
use super::tabs::tabs;
use super::tour::TourSheet;
use super::train::TrainRoom;
use super::tune::tune_room;
use crate::hooks::{
    Brought, Sources, use_engine, use_files, use_hub, use_model, use_online, use_page_drop,
    use_samples, use_settled, use_share, use_site, use_tab_in_sight, use_training,
};
use crate::state::{State, Tab};

#[component]
pub fn App() -> Html {
    let state = use_reducer_eq(State::default);
    let sources = use_memo((), |()| Sources::default());
    use_engine(&state, &sources);
    use_model(&state, &sources);
    use_site(&state, &sources);
    use_training(&state, &sources);
    use_hub(&state, &sources);
    let on_sample = use_samples(&state, &sources);
    use_share(&state, &on_sample);
    use_settled(&state);
    use_tab_in_sight(state.tab);
    let on_brought = use_files(&state, &sources);
    let is_online = use_online();
    let hovering = use_page_drop(&on_brought);
    let on_files: Callback<Vec<File>> =
        on_brought.reform(|files: Vec<File>| files.into_iter().map(Brought::from).collect());
    // Its classes are places to drop on, and must be seen.
    let takes_drops = state.tab == Tab::Train;
    html! {
        <ContextProvider<Sources> context={(*sources).clone()}>
            <a class="skip" href="#results">{ "Skip to the results" }</a>
            <Header state={state.clone()} />
            <main class="page">
                <div class="bring">
                    <ImagePanel state={state.clone()} on_files={on_files.clone()} {on_sample} />
                    <ClassPanel state={state.clone()} />
                    { prompt_panel(&state, &on_files) }
                </div>
                <div class="see" id="results" tabindex="-1">
                    { tabs(&state, room(&state, &on_files)) }
                </div>
            </main>
            { offline_status(is_online) }
            <TourSheet state={state.clone()} />
            <ModelPicker state={state.clone()} />
            { notices(&state) }
            { drop_overlay(hovering && !takes_drops) }
        </ContextProvider<Sources>>
    }
}

/// What is seen in the chosen tab. Rooms that are no components have keys, so that
/// nothing of one room stays in another.
fn room(state: &UseReducerHandle<State>, on_files: &Callback<Vec<File>>) -> Html {
    match state.tab {
        Tab::Classify => results(state, on_files),
        Tab::Patches => html! { <PatchesRoom {state} /> },
        Tab::Augment => html! { <AugmentRoom {state} /> },
        Tab::Tune => tune_room(state),
        Tab::Train => html! { <TrainRoom {state} /> },
        Tab::Learned => html! { <LearnedRoom {state} /> },
    }
}
