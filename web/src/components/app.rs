//! The page: what you bring on the left, what you see on the right.

use web_sys::File;
use yew::prelude::*;

use super::augment::AugmentRoom;
use super::class_panel::ClassPanel;
use super::drop_overlay::DropOverlay;
use super::header::Header;
use super::image_panel::ImagePanel;
use super::learned::LearnedRoom;
use super::model_picker::ModelPicker;
use super::notices::Notices;
use super::offline_status::OfflineStatus;
use super::patches::PatchesRoom;
use super::prompt_panel::PromptPanel;
use super::results::Results;
use super::tabs::Tabs;
use super::tour::TourSheet;
use super::train::TrainRoom;
use super::tune::TuneRoom;
use crate::hooks::{
    Brought, Sources, use_engine, use_files, use_hub, use_model, use_page_drop, use_samples,
    use_settled, use_share, use_site, use_training,
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
    let on_brought = use_files(&state, &sources);
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
                    <PromptPanel state={state.clone()} on_files={on_files.clone()} />
                </div>
                <div class="see" id="results" tabindex="-1">
                    <Tabs state={state.clone()}>{ room(&state, &on_files) }</Tabs>
                </div>
            </main>
            <OfflineStatus />
            <TourSheet state={state.clone()} />
            <ModelPicker state={state.clone()} />
            <Notices {state} />
            <DropOverlay hovering={hovering && !takes_drops} />
        </ContextProvider<Sources>>
    }
}

/// What is seen in the chosen tab.
fn room(state: &UseReducerHandle<State>, on_files: &Callback<Vec<File>>) -> Html {
    let state = state.clone();
    match state.tab {
        Tab::Classify => html! { <Results {state} on_files={on_files.clone()} /> },
        Tab::Patches => html! { <PatchesRoom {state} /> },
        Tab::Augment => html! { <AugmentRoom {state} /> },
        Tab::Tune => html! { <TuneRoom {state} /> },
        Tab::Train => html! { <TrainRoom {state} /> },
        Tab::Learned => html! { <LearnedRoom {state} /> },
    }
}
