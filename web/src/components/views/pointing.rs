//! Which view is looked at: the one under the pointer, else the one with the focus, else
//! the one that had it last. So there always is one, and nothing jumps.

use wasm_bindgen::JsCast;
use web_sys::{Element, FocusEvent, HtmlElement, KeyboardEvent, MouseEvent};
use yew::prelude::*;

use crate::components::{around, focus_in};

/// The attribute that a view's element carries its number in.
const VIEW: &str = "data-view";

/// What is looked at, and what changes it. The callbacks belong on whatever holds
/// elements with `data-view`.
#[derive(Clone, PartialEq)]
pub struct Pointing {
    /// The view that is looked at.
    pub at: usize,
    /// The one that the keyboard is at.
    pub focused: usize,
    pub on_over: Callback<MouseEvent>,
    pub on_out: Callback<MouseEvent>,
    pub on_focus: Callback<FocusEvent>,
    pub on_click: Callback<MouseEvent>,
}

impl Pointing {
    /// Moves the focus to another view of the same holder.
    pub fn focus(event: &KeyboardEvent, holder: &str, view: usize) {
        event.prevent_default();
        focus_in(event, holder, &format!("[{VIEW}=\"{view}\"]"));
    }
}

/// Of `count` views, the first is looked at to begin with.
#[hook]
pub fn use_pointing(count: usize) -> Pointing {
    let hovered = use_state_eq(|| None::<usize>);
    let focused = use_state_eq(|| 0_usize);
    let last = count.saturating_sub(1);
    let is_there = |at: &usize| *at <= last;
    let (at, held) = (hovered.filter(is_there), (*focused).min(last));
    let hover = |to: fn(&MouseEvent) -> Option<usize>| {
        let setter = hovered.setter();
        Callback::from(move |event: MouseEvent| setter.set(to(&event)))
    };
    let set = focused.setter();
    let click = focused.setter();
    Pointing {
        at: at.unwrap_or(held),
        focused: held,
        on_over: hover(|event| view_of(event)),
        on_out: hover(|_| None),
        on_focus: Callback::from(move |event: FocusEvent| {
            if let Some(view) = view_of(&event) {
                set.set(view);
            }
        }),
        on_click: Callback::from(move |event: MouseEvent| {
            if let Some(view) = view_of(&event) {
                click.set(view);
            }
        }),
    }
}

/// The view that an event happened in.
fn view_of(event: &web_sys::Event) -> Option<usize> {
    let element = around(event, &format!("[{VIEW}]"))?;
    element.get_attribute(VIEW)?.parse().ok()
}

/// How many elements stand in the first row of the holder.
pub fn columns_of(event: &KeyboardEvent, holder: &str) -> usize {
    let first = around(event, holder).and_then(|holder| holder.first_element_child());
    let top = |element: &Element| element.unchecked_ref::<HtmlElement>().offset_top();
    let Some(first) = first else {
        return 1;
    };
    let row = top(&first);
    let next = |element: &Element| element.next_element_sibling();
    let in_row = std::iter::successors(Some(first), next).take_while(|element| top(element) == row);
    in_row.count()
}
