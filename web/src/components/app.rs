//! The page: what you bring on the left, what you see on the right.

use yew::prelude::*;

use super::class_panel::ClassPanel;
use super::drop_overlay::DropOverlay;
use super::header::Header;
use super::image_panel::ImagePanel;
use super::notices::Notices;
use super::prompt_panel::PromptPanel;
use super::results::Results;
use crate::hooks::{Sources, use_engine, use_files, use_model, use_page_drop, use_samples};
use crate::state::State;

#[component]
pub fn App() -> Html {
    let state = use_reducer_eq(State::default);
    let sources = use_memo((), |()| Sources::default());
    use_engine(&state, &sources);
    use_model(&state, &sources);
    let on_sample = use_samples(&state, &sources);
    let on_files = use_files(&state, &sources);
    let hovering = use_page_drop(&on_files);
    html! {
        <>
            <a class="skip" href="#results">{ "Skip to the results" }</a>
            <Header state={state.clone()} />
            <main class="page">
                <div class="bring">
                    <ImagePanel state={state.clone()} on_files={on_files.clone()} {on_sample} />
                    <ClassPanel state={state.clone()} />
                    <PromptPanel state={state.clone()} on_files={on_files.clone()} />
                </div>
                <div class="see" id="results" tabindex="-1">
                    <Results state={state.clone()} {on_files} />
                </div>
            </main>
            <Notices {state} />
            <DropOverlay {hovering} />
        </>
    }
}
