//! The panel of models: the embedded one, those of the Hub, and those on this device.

mod look_up;
mod on_device;
mod transfer;

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

use self::look_up::look_up_part;
use self::on_device::on_device_part;
use self::transfer::transfer_part;
use super::problem_box::problem_with;
use super::text::{help, span};
use crate::hooks::EMBEDDED_MODEL;
use crate::state::{Action, HubAction, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

/// What an action of the Hub is as a callback.
fn act(state: &UseReducerHandle<State>, action: HubAction) -> Callback<MouseEvent> {
    super::act(state, Action::Hub(action))
}

#[component]
pub fn ModelPicker(props: &Props) -> Html {
    let state = &props.state;
    let dialog = use_node_ref();
    use_dialog(state, &dialog);
    let problem = state.hub.problem.as_ref();
    let problem = problem
        .map(|problem| problem_with(problem, "Dismiss", act(state, HubAction::ProblemDismissed)));
    html! {
        <dialog class="picker" ref={dialog} aria-labelledby="picker-title" data-testid="model-picker">
            <div class="picker-sheet">
                <div class="picker-head">
                    <h2 class="picker-title" id="picker-title">{ "Models" }</h2>
                    <button
                        class="remove" type="button" aria-label="Close" data-testid="picker-close"
                        onclick={act(state, HubAction::PanelClosed)}
                    />
                </div>
                { problem }
                { embedded(state) }
                { look_up_part(state) }
                { transfer_part(state) }
                { on_device_part(state) }
                { help("Files and folders of weights can also be dropped on the page. Whatever is \
                       fetched from the Hub stays on this device; images never leave it.") }
            </div>
        </dialog>
    }
}

/// The model that comes with the page.
fn embedded(state: &UseReducerHandle<State>) -> Html {
    let is_open = is_open(state, EMBEDDED_MODEL);
    let dispatch = state.dispatcher();
    let onclick = Callback::from(move |_: MouseEvent| {
        dispatch.dispatch(Action::ModelRequested {
            name: EMBEDDED_MODEL.into(),
        });
        dispatch.dispatch(Action::Hub(HubAction::PanelClosed));
    });
    html! {
        <section class="picker-part" aria-labelledby="picker-embedded">
            <h3 class="card-title" id="picker-embedded">{ "With this page" }</h3>
            <div class="model-row">
                <div class="model-what">
                    <strong>{ EMBEDDED_MODEL }</strong>
                    { span("model-facts", "knows coloured shapes; small and quick, to try things out") }
                </div>
                <button
                    class="button" type="button" data-testid="embedded-open" disabled={is_open}
                    aria-label={format!("Open {EMBEDDED_MODEL}")} {onclick}
                >
                    { if is_open { "Is open" } else { "Open" } }
                </button>
            </div>
        </section>
    }
}

/// Whether the model of this name is open, or about to be.
fn is_open(state: &State, name: &str) -> bool {
    let model = state.model.next.as_ref().or(state.model.open.as_ref());
    model.is_some_and(|model| model.name == name)
}

/// Keeps the element and the state of one mind: the browser closes a dialog by
/// itself when Escape is pressed.
#[hook]
fn use_dialog(state: &UseReducerHandle<State>, dialog: &NodeRef) {
    {
        let dialog = dialog.clone();
        use_effect_with(state.hub.is_open, move |&is_open| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                match (is_open, dialog.open()) {
                    (true, false) => drop(dialog.show_modal()),
                    (false, true) => dialog.close(),
                    _ => {}
                }
            }
        });
    }
    let dispatch = state.dispatcher();
    let dialog = dialog.clone();
    use_effect_with((), move |()| {
        let listeners = dialog.cast::<HtmlDialogElement>().map(|dialog| {
            let own = dialog.clone();
            [
                EventListener::new(&dialog, "close", move |_| {
                    dispatch.dispatch(Action::Hub(HubAction::PanelClosed));
                }),
                // What lies behind the sheet is the dialog itself.
                EventListener::new(&dialog, "click", move |event| {
                    let target = event.target();
                    if target.as_ref() == Some(own.unchecked_ref()) {
                        own.close();
                    }
                }),
                EventListener::new(&dialog, "keydown", |event| {
                    let event: &KeyboardEvent = event.unchecked_ref();
                    // It closes this sheet, and nothing behind it.
                    if event.key() == "Escape" {
                        event.stop_propagation();
                    }
                }),
            ]
        });
        move || drop(listeners)
    });
}
