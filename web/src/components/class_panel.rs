//! The class names, as chips.

use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::card::Card;
use crate::format::count;
use crate::state::{Action, State};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn ClassPanel(props: &Props) -> Html {
    let state = &props.state;
    let input = use_node_ref();
    let chips = state.class_names.iter().enumerate().map(|(index, name)| {
        let (dispatch, input) = (state.dispatcher(), input.clone());
        let onclick = Callback::from(move |event: MouseEvent| {
            dispatch.dispatch(Action::ClassRemoved(index));
            // By keyboard (no clicks counted), the focus would be lost with the chip.
            if let Some(input) = input.cast::<HtmlInputElement>().filter(|_| event.detail() == 0) {
                let _ = input.focus();
            }
        });
        html! {
            <li key={name.clone()} class="chip" data-testid="class-chip" data-class={name.clone()}>
                { name }
                <button class="remove" type="button" {onclick} aria-label={format!("remove {name}")} />
            </li>
        }
    });
    let presets = state
        .samples
        .as_ref()
        .map(|samples| samples.classes.clone());
    let presets = presets.filter(|classes| !classes.is_empty() && *classes != state.class_names);
    let reset = presets.map(|classes| {
        let dispatch = state.dispatcher();
        let onclick = Callback::from(move |_: MouseEvent| {
            dispatch.dispatch(Action::ClassesReplaced(classes.clone()));
        });
        html! { <button class="quiet" type="button" {onclick}>{ "Back to the samples' classes" }</button> }
    });
    let waiting = state.samples.is_none();
    let (oninput, onkeydown) = (on_input(state), on_key(state));
    html! {
        <Card id="classes" title="Classes" summary={count(state.class_names.len(), "class", "classes")}>
            <ul class={classes!("chips", waiting.then_some("is-waiting"))} aria-label="Class names">
                { for chips }
            </ul>
            <input
                ref={input} class="chip-input" data-testid="class-input" type="text"
                placeholder="add a class" aria-label="Add a class" {oninput} {onkeydown}
                aria-describedby="class-help"
                autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="done"
            />
            <p class="help" id="class-help">
                { "Enter or a comma adds, Backspace removes the last. Any words will do." }
            </p>
            { reset }
        </Card>
    }
}

/// A comma ends a name.
fn on_input(state: &UseReducerHandle<State>) -> Callback<InputEvent> {
    let dispatch = state.dispatcher();
    Callback::from(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if input.value().contains(',') {
            dispatch.dispatch(Action::ClassesAdded(input.value()));
            input.set_value("");
        }
    })
}

/// Enter adds; Backspace in the empty field removes the last chip.
fn on_key(state: &UseReducerHandle<State>) -> Callback<KeyboardEvent> {
    let (dispatch, known) = (state.dispatcher(), state.class_names.len());
    Callback::from(move |event: KeyboardEvent| {
        let target = event.target();
        let Some(input) = target.and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        else {
            return;
        };
        match event.key().as_str() {
            // While a word is being composed, Enter belongs to the input method.
            "Enter" if !event.is_composing() => {
                event.prevent_default();
                dispatch.dispatch(Action::ClassesAdded(input.value()));
                input.set_value("");
            }
            "Backspace" if input.value().is_empty() && known > 0 && !event.repeat() => {
                dispatch.dispatch(Action::ClassRemoved(known - 1));
            }
            _ => {}
        }
    })
}
