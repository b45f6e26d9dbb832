//! What the page looks like. Components render the state and name actions;
//! they decide nothing.

mod app;
mod augment;
mod bar;
mod batch;
mod button;
mod camera;
mod card;
mod check;
mod choice;
mod class_panel;
mod device_line;
mod drop_overlay;
mod file_input;
mod folded;
mod header;
mod image_panel;
mod invitation;
mod learned;
mod learned_row;
mod learner_card;
mod model_picker;
mod model_status;
mod notices;
mod obstacle;
mod offline_status;
mod patches;
mod point_map;
mod problem_box;
mod prompt_line;
mod prompt_panel;
mod raster;
mod results;
mod seed_field;
mod share_button;
mod skeleton;
mod slider;
mod tabs;
mod text;
mod theme_button;
mod tour;
mod train;
mod tune;
mod views;
mod work_strip;

pub use app::App;

use clipwright_shared::learners::Method;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use crate::state::{Action, State};

/// A callback that names an action.
fn act(state: &UseReducerHandle<State>, action: Action) -> Callback<MouseEvent> {
    let dispatch = state.dispatcher();
    Callback::from(move |_: MouseEvent| dispatch.dispatch(action.clone()))
}

/// A callback that changes settings as they are when it is called: `of` finds them,
/// `change` changes them, `action` says so.
fn changing<S: Clone + 'static, T: 'static>(
    state: &UseReducerHandle<State>,
    of: fn(&State) -> &S,
    action: fn(S) -> Action,
    change: fn(&mut S, T),
) -> Callback<T> {
    let state = state.clone();
    Callback::from(move |value: T| {
        let mut settings = of(&state).clone();
        change(&mut settings, value);
        state.dispatch(action(settings));
    })
}

/// The element around the one that an event happened in, by a selector.
fn around(event: &Event, holder: &str) -> Option<Element> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    target.closest(holder).ok()?
}

/// Moves the focus to another element of the same holder, both by their selectors.
fn focus_in(event: &Event, holder: &str, element: &str) {
    let found = around(event, holder).and_then(|holder| holder.query_selector(element).ok()?);
    if let Some(found) = found {
        // Whatever is drawn in an SVG takes the focus in the same way.
        let _ = found.unchecked_ref::<HtmlElement>().focus();
    }
}

/// What styles and tests know a method by.
fn method_key(method: Method) -> &'static str {
    match method {
        Method::ZeroShot => "zero_shot",
        Method::LinearProbe => "linear_probe",
        Method::Coop => "coop",
        Method::CoCoOp => "cocoop",
        Method::Lora => "lora",
    }
}

/// A method's name as a title.
fn method_title(method: Method) -> &'static str {
    match method {
        Method::ZeroShot => "Zero-shot",
        Method::LinearProbe => "Linear probe",
        learned => learned.title(),
    }
}
