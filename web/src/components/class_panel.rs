//! The class names, as chips.

mod chip;
mod preset_menu;

use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, HtmlElement, HtmlInputElement};
use yew::prelude::*;

use super::card::Card;
use super::text::looks;
use crate::format::count;
use crate::state::{Action, State, WordsAction};
use chip::{Chip, ChipAct, chip};
use preset_menu::preset_menu;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub state: UseReducerHandle<State>,
}

#[component]
pub fn ClassPanel(props: &Props) -> Html {
    let state = &props.state;
    let (input, list) = (use_node_ref(), use_node_ref());
    let current = use_state_eq(|| 0);
    let edited = use_state_eq(|| None::<usize>);
    let count_of_all = state.class_names.len();
    // The chip that the focus goes to once it is there, with the next rendering.
    let wanted = use_mut_ref(|| None::<usize>);
    let render = use_force_update();
    {
        let (wanted, list) = (wanted.clone(), list.clone());
        use_effect(move || {
            let wanted = wanted.borrow_mut().take();
            if let Some((index, list)) = wanted.zip(list.cast::<HtmlElement>()) {
                focus_chip(&list, index);
            }
        });
    }
    let on_act = {
        let (dispatch, input) = (state.dispatcher(), input.clone());
        let (current, edited, wanted) = (current.setter(), edited.setter(), wanted.clone());
        Callback::from(move |act: ChipAct| match act {
            ChipAct::Focused(index) => current.set(index),
            ChipAct::Edit(index) => edited.set(Some(index)),
            ChipAct::Settled => edited.set(None),
            ChipAct::Focus(index) => {
                current.set(index);
                *wanted.borrow_mut() = Some(index);
                render.force_update();
            }
            ChipAct::Move { at, to } => {
                current.set(to);
                *wanted.borrow_mut() = Some(to);
                dispatch.dispatch(Action::Words(WordsAction::ClassMoved { at, to }));
            }
            ChipAct::Rename { at, name } => {
                dispatch.dispatch(Action::Words(WordsAction::ClassRenamed { at, name }));
            }
            ChipAct::Remove { at, by_key } => {
                // By keyboard, the focus would be lost with the chip.
                if by_key && count_of_all > 1 {
                    let next = at.min(count_of_all - 2);
                    current.set(next);
                    *wanted.borrow_mut() = Some(next);
                } else if by_key && let Some(input) = input.cast::<HtmlInputElement>() {
                    let _ = input.focus();
                }
                dispatch.dispatch(Action::ClassRemoved(at));
            }
        })
    };
    let last = count_of_all.saturating_sub(1);
    let chips = state.class_names.iter().enumerate().map(|(index, name)| {
        if state.is_fixed() {
            return html! {
                <li key={name.clone()} class="chip is-fixed" data-testid="class-chip" data-class={name.clone()}>
                    { name }
                </li>
            };
        }
        let place = Chip {
            index,
            name: name.clone().into(),
            count: count_of_all,
            is_current: index == (*current).min(last),
            is_edited: *edited == Some(index),
        };
        chip(place, &on_act)
    });
    let waiting = state.samples.is_none();
    let (oninput, onkeydown, onpaste) = (on_input(state), on_key(state), on_paste(state));
    html! {
        <Card id="classes" title="Classes" summary={count(count_of_all, "class", "classes")}>
            <ul ref={list} class={looks("chips", waiting.then_some("is-waiting"))} aria-label="Class names">
                { for chips }
            </ul>
            if !state.is_fixed() {
                <input
                    ref={input} class="chip-input" data-testid="class-input" type="text"
                    placeholder="add a class" aria-label="Add a class" {oninput} {onkeydown} {onpaste}
                    aria-describedby="class-help"
                    autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="done"
                />
                <p class="help" id="class-help">
                    { "Enter or a comma adds, and so does a pasted list. On a class: Enter renames, Delete removes, arrows go on, with Alt they move it." }
                </p>
                { preset_menu(state) }
            }
        </Card>
    }
}

fn focus_chip(list: &HtmlElement, index: usize) {
    let chip = list.query_selector(&format!("[data-chip=\"{index}\"]"));
    if let Some(chip) = chip.ok().flatten()
        && let Ok(chip) = chip.dyn_into::<HtmlElement>()
    {
        let _ = chip.focus();
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

/// A pasted list, which the field itself would make one line of.
fn on_paste(state: &UseReducerHandle<State>) -> Callback<Event> {
    let dispatch = state.dispatcher();
    Callback::from(move |event: Event| {
        let clipboard = event.unchecked_ref::<ClipboardEvent>().clipboard_data();
        let text = clipboard.and_then(|clipboard| clipboard.get_data("text").ok());
        if let Some(text) = text.filter(|text| text.contains(['\n', ','])) {
            event.prevent_default();
            dispatch.dispatch(Action::ClassesAdded(text));
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
